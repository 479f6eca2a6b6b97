"""What a method refuses to be made with, wherever its values were typed."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from apps.clinical.doses import plain
from apps.clinical.errors import RequestError


def check_percent(percent: Decimal) -> None:
    """Raise RequestError unless a cut is a share above 0 and up to 100 percent."""
    if not 0 < percent <= 100:
        raise RequestError(
            f"percent: takes a percentage from above 0 to 100, not {plain(percent)}."
        )


def check_above_zero(field: str, value: Decimal | int, what: str) -> None:
    """Raise RequestError, naming ``field`` and its unit, unless a value is above zero."""
    if not value > 0:
        raise RequestError(f"{field}: takes {what} above zero, not {plain(Decimal(value))}.")


def check_falling(daily_mg: Sequence[Decimal]) -> None:
    """Raise RequestError where a list of daily milligrams is empty, rises or ends below zero."""
    if not daily_mg:
        raise RequestError("daily_mg: takes at least one daily dose.")
    for index, (before, dose) in enumerate(pairwise(daily_mg), start=1):
        if dose > before:
            raise RequestError(
                f"daily_mg[{index}]: {plain(dose)} mg is above the {plain(before)} mg "
                "before it; a dose rises only by a step back."
            )
    if daily_mg[-1] < 0:
        raise RequestError("daily_mg: takes doses of zero or more milligrams.")
