"""JSON read strictly: what could mean two things is refused in its own place.

A name given twice, NaN and a number too long to read become a ``Refused`` where
they stand, so that one bad request in a list leaves the others readable.
"""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.clinical.errors import RequestError, shown


@dataclass(frozen=True, slots=True)
class Refused:
    """Something in JSON text that no request may hold, with the sentence that says why."""

    sentence: str


def read_json(text: str) -> Any:
    """Return the value of JSON text, numbers with a point as Decimal.

    Raises ValueError or RecursionError where the text as a whole is no JSON.
    """
    return json.loads(
        text,
        parse_int=_whole,
        parse_float=_decimal,
        parse_constant=_no_number,
        object_pairs_hook=_without_doubles,
    )


def check_read(value: Any) -> None:
    """Raise RequestError where a value read by ``read_json`` holds something refused."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Refused):
            raise RequestError(item.sentence)
        if isinstance(item, dict):
            waiting += reversed(item.values())
        elif isinstance(item, list):
            waiting += reversed(item)


def _whole(digits: str) -> int | Refused:
    try:
        return int(digits)
    except ValueError:  # More digits than Python reads.
        return _too_long(digits)


def _decimal(digits: str) -> Decimal | Refused:
    try:
        return Decimal(digits)
    except ArithmeticError:
        return _too_long(digits)


def _too_long(digits: str) -> Refused:
    return Refused(f"{shown(digits)}: is a number too long to read.")


def _no_number(name: str) -> Refused:
    return Refused(f"{name}: is not a number in JSON; write a dose as text in milligrams.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Refused:
    # JSON keeps the last of two equal names in silence; a dose given twice is a question.
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            return Refused(f"{name if name.isidentifier() else shown(name)}: is given twice.")
        found[name] = value
    return found
