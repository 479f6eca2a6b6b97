"""Which falls above the limit a plan has, and which of them nobody has agreed to yet.

Two people agree to one fall as it stands: from this dose, taken for so many days, to that
one, so much within 14 days. The same two doses closer together are another fall.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from apps.clinical.pace import Verdict

Dose = tuple[tuple[str, Decimal], ...]


class Dosed(Protocol):
    """A step of a plan, of the engine or of the database: number, first day, each drug's dose."""

    @property
    def number(self) -> int:
        """Its place in the plan."""

    @property
    def start_on(self) -> date:
        """Its first day."""

    @property
    def by_drug(self) -> Mapping[str, Decimal]:
        """A day's milligrams of each drug; nothing at zero."""


class Judged(Dosed, Protocol):
    """The same with what the pace check said."""

    @property
    def fall_14d_pct(self) -> Decimal:
        """What falls within 14 days, in percent."""

    @property
    def verdict(self) -> str:
        """What the pace check said."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One fall above the limit of ASAM-09.

    ``before`` and ``after`` are a day's milligrams by drug, ``days`` how long the dose before
    is taken, ``fall_14d_pct`` what falls within 14 days. ``step`` is its place in the plan.
    """

    step: int
    before: Dose
    after: Dose
    days: int
    fall_14d_pct: Decimal

    def is_no_worse_than(self, other: "Breach") -> bool:
        """Answer whether who agreed to ``other`` has agreed to this: same doses, no faster."""
        same = self.before == other.before and self.after == other.after
        return same and self.days >= other.days and self.fall_14d_pct <= other.fall_14d_pct


def breaches(steps: Iterable[Judged], after: int = 0) -> tuple[Breach, ...]:
    """Return the falls above the limit of the steps beyond number ``after``, in order.

    A dose repeated by the next step goes on: its days are counted from where it began. A
    first step can be one, too: it falls from what was taken before the plan.
    """
    found = []
    before: Dose = ()
    since: date | None = None
    for step in steps:
        dose = tuple(sorted(step.by_drug.items()))
        if step.verdict == Verdict.BLOCK and step.number > after:
            days = (step.start_on - since).days if since else 0
            found.append(Breach(step.number, before, dose, days, step.fall_14d_pct))
        if since is None or dose != before:
            before, since = dose, step.start_on
    return tuple(found)


def not_agreed(asked: Iterable[Breach], agreed: Iterable[Breach]) -> tuple[Breach, ...]:
    """Return the falls that nobody has agreed to yet, as they are or any faster."""
    known = tuple(agreed)
    return tuple(each for each in asked if not any(map(each.is_no_worse_than, known)))
