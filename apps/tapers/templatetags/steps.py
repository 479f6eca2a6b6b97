"""The table of steps, for any page of staff."""

from collections.abc import Sequence
from typing import Any

from django import template

from apps.tapers.repeated import folded
from apps.tapers.step_rows import StepRow, near, step_rows

register = template.Library()


@register.filter
def of_the_plan(findings: Any) -> list[Any]:
    """Return what is said of no single step, what is said of many steps as one sentence."""
    kept, once = folded(findings or ())
    return [*(item for item in kept if not item["step"]), *once]


@register.filter
def any_equivalent(rows: Sequence[StepRow]) -> bool:
    """Answer whether any step has something to convert: diazepam itself has not."""
    return any(row.equivalents for row in rows)


@register.simple_tag
def rows_of(
    steps: Any, findings: Any = None, current: Any = None, compact: Any = None
) -> Sequence[StepRow]:
    """Return steps as printable rows; the next few only when `compact`."""
    rows = step_rows(steps or (), findings or None, current or None)
    return near(rows, current or None) if compact else rows
