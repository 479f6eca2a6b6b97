"""What a cell of a file may hold, and what the file may be called."""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.patients import lists
from apps.patients.lists import FORMULA_STARTS, ROWS_AT_MOST, Listing, cell, csv_file, csv_text

ZONE = ZoneInfo("America/New_York")


@dataclass
class Row:
    said: Any
    more: Any = None


def listing(*rows: Row) -> Listing:
    return Listing("tasks", (("Said", "said"), ("More", "more.said")), lambda: rows)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, ""),
        (True, "yes"),
        (date(2026, 2, 3), "2026-02-03"),
        (datetime(2026, 7, 1, 12, 30, 59, tzinfo=UTC), "2026-07-01T08:30-04:00"),
        (time(7, 5), "07:05"),
        (timedelta(hours=2), "120"),
        (Decimal("0.50"), "0.5"),
        (Decimal("-10"), "-10"),
        (-3, "-3"),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+49 555", "'+49 555"),
        (" \t=cmd", " \t'=cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\r=1", "'\r'=1"),
        ("Wren;+1+1", "Wren;'+1+1"),
    ],
)
def test_a_value_as_the_file_has_it(value, said) -> None:
    assert cell(value, ZONE) == said


@given(st.text(st.sampled_from("=+-@;\t\r\n,\"' aＺ＝") | st.characters()))
def test_no_text_begins_as_a_formula_and_every_text_comes_back(text) -> None:
    found, _ = csv_text(listing(Row(text)), ZONE)
    (_, (said, _)) = csv.reader(StringIO(found.removeprefix("\ufeff"), newline=""))
    assert not said.lstrip().startswith(FORMULA_STARTS)
    assert said.replace("'", "") == text.replace("'", "")


@given(st.text(st.sampled_from("=+-@;\t\r\n,\"' aＺ＝"), min_size=1))
@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_spreadsheet_of_another_language_finds_no_formula_either(separator, text) -> None:
    """Spain's and Germany's part cells at a semicolon; both the quoted and the bare way."""
    found, _ = csv_text(listing(Row(text), Row("b", Row(text))), ZONE)
    read = csv.reader(StringIO(found.removeprefix("\ufeff"), newline=""), delimiter=separator)
    for said in [each for line in read for each in line]:
        assert not said.lstrip().startswith(("=", "+", "-", "@", "＝"))


def test_a_link_that_leads_nowhere_is_an_empty_cell_and_a_wrong_name_an_error() -> None:
    found, _ = csv_text(listing(Row("a"), Row("b", Row("c"))), ZONE)
    assert found == "\ufeffSaid,More\r\na,\r\nb,c\r\n"
    with pytest.raises(AttributeError):
        csv_text(Listing("tasks", (("Said", "sed"),), lambda: [Row("a")]), ZONE)


def test_a_file_that_is_cut_off_says_so() -> None:
    found, rows = csv_text(listing(Row("a"), Row("b"), Row("c")), ZONE, 2)
    assert len(rows) == 2
    assert found.splitlines()[-1] == lists.CUT.format(2)
    assert ROWS_AT_MOST == 100_000
    whole, _ = csv_text(listing(Row("a"), Row("b")), ZONE, 2)
    assert whole.splitlines()[-1] == "b,"


@pytest.mark.parametrize("name", ["", "Tasks", 'a"\r\nX: y', "a/../b", "näme", "a" * 60])
def test_a_name_that_is_no_word_of_the_code_reaches_no_header(name) -> None:
    with pytest.raises(ValueError, match="no name of a list"):
        csv_file("", name, date(2026, 1, 1))
    assert csv_file("", "my_tasks", date(2026, 1, 1)).headers["Content-Disposition"] == (
        'attachment; filename="my-tasks-2026-01-01.csv"'
    )
