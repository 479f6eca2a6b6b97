"""Rules of the research export: who looks like whom, what is too rare, and other days.

Pure functions over plain values: no Django, no database. The numbers are proposals
(docs/adr/0059): neither the issue nor the clinical sources name one.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import SystemRandom
from typing import Any, Final, TypeVar

K: Final = 5  # [proposal] so many patients at least look the same; as the overview counts
WITHHELD: Final = "withheld"
# A patient's days move back by so many days, and so many of the newest are left out, at random.
SHIFT_DAYS: Final = range(366, 366 + 730)  # [proposal]
LEFT_OUT_DAYS: Final = range(61)  # [proposal]

Key = TypeVar("Key", bound=Hashable)


class TooFewError(ValueError):
    """So few patients that nothing can be told of them; the text is for the reader."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What somebody who knows a patient would know them by."""

    age: str
    sex: str
    drug: str
    indication: str
    risk: str


def age_band(years: int) -> str:
    """Return ten years of age; the young and the old are one band each [proposal]."""
    if years < 30:
        return "under 30"
    if years >= 70:
        return "70 and over"
    return f"{years // 10 * 10} to {years // 10 * 10 + 9}"


def wide_band(age: str) -> str:
    """Return a wider band of the same age [proposal]."""
    wide = {"under 30": "under 50", "30 to 39": "under 50", "40 to 49": "under 50"}
    return wide.get(age, WITHHELD if age == WITHHELD else "50 and over")


def without_illness(one: Traits) -> Traits:
    """Return what is told of a person without the risk and the illness behind it."""
    return replace(one, risk=WITHHELD, indication=WITHHELD)


# From everything to nothing: each rung says less than the one before.
LADDER: Final[tuple[Callable[[Traits], Traits], ...]] = (
    lambda one: one,
    lambda one: replace(one, risk=WITHHELD),
    without_illness,
    lambda one: replace(without_illness(one), age=wide_band(one.age)),
    lambda one: replace(without_illness(one), age=wide_band(one.age), sex=WITHHELD),
    lambda one: replace(without_illness(one), age=WITHHELD, sex=WITHHELD),
    lambda one: Traits(WITHHELD, WITHHELD, WITHHELD, WITHHELD, WITHHELD),
)


def settle(people: Mapping[Key, Traits], k: int = K) -> dict[Key, Traits]:
    """Return each person's traits, told so far only that `k` people at least share them.

    Who shares too much with too few is told less, rung by rung; who is left alone at the end is
    left out. Raises `TooFewError` when that is everybody.
    """
    settled: dict[Key, Traits] = {}
    waiting = dict(people)
    for rung in LADDER:
        told = {key: rung(traits) for key, traits in waiting.items()}
        alike = Counter(told.values())
        # Who comes down to what others were told already is one of them.
        alike.update(traits for traits in settled.values() if traits in alike)
        found = {key: traits for key, traits in told.items() if alike[traits] >= k}
        settled |= found
        waiting = {key: traits for key, traits in waiting.items() if key not in found}
    if not settled:
        raise TooFewError(f"Fewer than {k} patients can be told of. Nothing leaves the clinic.")
    return settled


def withhold_rare(rows: Iterable[dict[str, Any]], column: str, k: int = K) -> None:
    """Take a value out of its rows where fewer than `k` different people have it.

    Then the next rarest too, until as many have one that was taken out: who is alone with a
    value that is not told is known by what the others have.
    """
    rows = list(rows)
    holders: defaultdict[Any, set[Any]] = defaultdict(set)
    for row in rows:
        holders[row[column]].add(row["person"])
    hidden: set[Any] = set()
    alone: set[Any] = set()
    for value in sorted(holders, key=lambda value: (len(holders[value]), str(value))):
        if len(holders[value]) >= k and (not hidden or len(alone) >= k):
            break
        hidden.add(value)
        alone |= holders[value]
    for row in rows:
        if row[column] in hidden:
            row[column] = WITHHELD


@dataclass(frozen=True, slots=True)
class Moved:
    """How one patient's days are told in one export. It is kept nowhere."""

    back: timedelta
    last: date

    @classmethod
    def at_random(cls, today: date, chance: SystemRandom) -> "Moved":
        """Return other days for one patient, and where their record ends in this export."""
        back, left_out = chance.choice(SHIFT_DAYS), chance.choice(LEFT_OUT_DAYS)
        return cls(timedelta(days=back), today - timedelta(days=left_out))

    def told(self, day: date | None) -> date | None:
        """Return a day as the export tells it; None for one after the end, and for none."""
        return None if day is None or day > self.last else day - self.back
