"""JSON whose numbers keep their places, in a file and in a table."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.exchange.exact_json import ExactDecoder, ExactEncoder, exact, written

numbers = st.decimals(-(10**9), 10**9, places=6) | st.decimals(-1, 1, places=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text() | numbers,
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
)


@given(values)
def test_what_is_written_reads_back_as_the_same_and_for_everybody(value: Any) -> None:
    text = json.dumps(value, cls=ExactEncoder)
    again = json.loads(text, cls=ExactDecoder)
    assert again == value
    assert written(again) == text, "each number with its places"
    assert json.loads(text) == json.loads(json.dumps(value, default=float)), "by any reader"


@pytest.mark.parametrize(
    ("text", "becomes"),
    [("0.010", "0.010"), ("41.0", "41.0"), ("-2.50", "-2.50"), ("1E2", "100"), ("7", "7")],
)
def test_a_number_keeps_its_places(text: str, becomes: str) -> None:
    assert exact(Decimal(text)) == becomes


def test_a_number_is_sent_exactly_or_not_at_all() -> None:
    for text in ("0.0125", "1.5", "9999.9999", "0", "30"):
        assert exact(Decimal(text)) == text
    with pytest.raises(ValueError, match="more digits"):
        exact(Decimal("0.12345678901234567891"))


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", float("nan"), {1: "a key"}])
def test_what_is_no_json_is_not_written(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        written({"value": value})
