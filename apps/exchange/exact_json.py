"""JSON whose numbers are exact: 0.010 is written and read as 0.010, as FHIR asks. Pure.

Python's own writer knows no Decimal, and a double has no trailing zero. PostgreSQL's `jsonb` keeps
a number as it is written, but for an exponent, which it writes out.
"""

import json
from decimal import Decimal
from json.encoder import encode_basestring as quoted
from typing import Any, Final

# Before or after the point. Milligrams have six; what is written out takes time with its square.
MOST_PLACES: Final = 30
WORDS: Final = {None: "null", True: "true", False: "false"}


class ExactDecoder(json.JSONDecoder):
    """Reads numbers as Decimal: a dose of another clinic is no less exact than ours."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options | {"parse_float": Decimal})


class ExactEncoder(json.JSONEncoder):
    """Writes Decimal as the number it is."""

    def encode(self, o: Any) -> str:
        """Return a value as JSON text."""
        return written(o)


def written(value: Any, line: str = "\n") -> str:
    """Return a value as JSON text, each element on a line of its own.

    Raises `ValueError` for a number that JSON or a reader of it cannot keep, `TypeError` for what
    is no JSON.
    """
    if isinstance(value, str):
        return quoted(value)
    if value is None or isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return exact(Decimal(repr(value)))
    if isinstance(value, Decimal):
        return exact(value)
    below = f"{line} "
    if isinstance(value, dict):
        parts = [f"{quoted(name)}: {written(each, below)}" for name, each in value.items()]
        return f"{{{below}{f',{below}'.join(parts)}{line}}}" if parts else "{}"
    if isinstance(value, list | tuple):
        parts = [written(each, below) for each in value]
        return f"[{below}{f',{below}'.join(parts)}{line}]" if parts else "[]"
    raise TypeError(f"{type(value).__name__} is not JSON.")


def exact(value: Decimal) -> str:
    """Return a Decimal as a JSON number with all its places, else raise `ValueError`.

    Most readers take a JSON number for a double, whose shortest text gives back every decimal of
    up to fifteen digits. That it does is checked, for a dose must never be nearly right.
    """
    if not value.is_finite() or abs(value.adjusted()) > MOST_PLACES:
        raise ValueError(f"{value} has more places than a record needs.")
    if value != value.to_integral_value() and Decimal(repr(float(value))) != value:
        raise ValueError(f"{value} has more digits than a JSON number keeps.")
    return f"{value:f}"
