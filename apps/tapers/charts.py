"""The falling dose as a line: points in a box, drawn by the server. Pure functions."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

WIDTH: Final = 720
HEIGHT: Final = 160
TAIL: Final = timedelta(days=14)  # the last dose goes on; so much of it is drawn


def dose_chart(steps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the steps of a preview as polyline points; the table beside it has the numbers."""
    days = [date.fromisoformat(step["start_on"]) for step in steps]
    doses = [Decimal(step["daily_mg"]) for step in steps]
    last = days[-1] + TAIL
    span, top = Decimal((last - days[0]).days), max(doses) or Decimal(1)
    points: list[tuple[Decimal, Decimal]] = []
    for day, mg in zip(days, doses, strict=True):
        x = round((day - days[0]).days * WIDTH / span, 1)
        y = round((1 - mg / top) * HEIGHT, 1)
        if points:
            points.append((x, points[-1][1]))
        points.append((x, y))
    points.append((Decimal(WIDTH), points[-1][1]))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "points": " ".join(f"{x},{y}" for x, y in points),
        "top_mg": top,
        "first": days[0],
        "last": last,
    }
