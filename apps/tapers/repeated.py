"""What is said of many steps, said once: a table of forty equal warnings hides the one that counts.

What stops a plan is never folded away: it stands at its step, each time.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from apps.clinical.doses import plain
from apps.clinical.findings import Level

MANY: Final = 3  # as often as this, one sentence reads better than the same one at each step
WINDOW: Final = " % in 14 days, "  # what is before it differs from step to step

Item = Mapping[str, Any]


def folded(findings: Iterable[Item]) -> tuple[list[Item], list[Item]]:
    """Return what stays where it is, and one finding for each that is said of many steps.

    Only findings about the pace are folded, which the row of each step says itself with
    its cut, its fall and its verdict. A folded one has all its steps and the highest fall.
    """
    kept: list[Item] = []
    by_text: dict[tuple[str, str], list[Item]] = {}
    for item in findings:
        _, found, rest = item["message"].partition(WINDOW)
        if found and item["step"] and item["level"] != Level.BLOCK:
            by_text.setdefault((item["rule"], rest), []).append(item)
        else:
            kept.append(item)
    once: list[Item] = []
    for (_, rest), items in by_text.items():
        if len(items) < MANY:
            kept += items
        else:
            once.append(as_one(items, rest))
    return kept, once


def brief_of(item: Item) -> str:
    """Return a folded finding in a few words, for the row of its own step."""
    said = item["message"].partition(WINDOW)[2]
    return f"{re.split('[.;:(]', said)[0].strip()} ({item['rule']})"


def as_one(items: Sequence[Item], rest: str) -> Item:
    """Return many findings of one kind as one about the plan."""
    most = max(Decimal(str(item["percentage"])) for item in items)
    steps = steps_words(item["step"] for item in items)
    message = f"{len(items)} steps fall by up to {plain(most)}{WINDOW}{rest} These are {steps}."
    return {**items[0], "step": None, "message": message}


def steps_words(numbers: Iterable[int]) -> str:
    """Return numbers of steps as people say them: "steps 3 to 8 and 10"."""
    runs = []
    for _, run in groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0]):
        ends = [number for _, number in run]
        runs.append(f"{ends[0]} to {ends[-1]}" if len(ends) > 1 else str(ends[0]))
    return "steps " + " and ".join(filter(None, (", ".join(runs[:-1]), runs[-1])))
