"""When what a patient has at home runs out, per product, from dispensings and plan steps.

Counts pieces (or millilitres), never milligrams: a half tablet of one strength is not a
quarter of another. Source: guideline.md invariant 7; rules U03_SUPPLY_3 and W02_SUPPLY_7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from apps.clinical.triage.rule import Level
from apps.clinical.triage.rules_urgent import URGENT_RULES
from apps.clinical.triage.rules_watch import WATCH_RULES

TASK_DAYS = 7  # W02_SUPPLY_7: refill lead time
URGENT_DAYS = 3  # U03_SUPPLY_3: prevents an abrupt stop, covers a weekend
COVER_DAYS = 7  # invariant 7: what is dispensed covers the step and a week more
# A taper with an open end is counted on for two years; nobody dispenses further. [proposal]
HORIZON_DAYS = 730


@dataclass(frozen=True, slots=True)
class Use:
    """Pieces of one product a day, from ``start_on`` to ``end_on`` (None: no end), both in."""

    start_on: date
    end_on: date | None
    per_day: Decimal


@dataclass(frozen=True, slots=True)
class Received:
    """Pieces handed out on a day."""

    on: date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Stock:
    """``left`` at the start of today, and the first day it does not cover; None: it lasts."""

    left: Decimal
    run_out_on: date | None


def stock_of(received: Sequence[Received], uses: Sequence[Use], today: date) -> Stock:
    """Return what is left today of one product, and the first day it does not cover.

    What was used before the first record is not known and not counted. Stock never
    falls below nothing: who ran out on paper and got more begins with what they got. A
    day is covered when its whole use is there. A product that was never handed out runs
    out on the first day, from today on, that needs it.
    """
    given = sorted(received, key=lambda each: each.on)
    left = Decimal(0)
    day = min(given[0].on, today) if given else today
    while day < today:
        left = max(Decimal(0), left + _got_on(given, day) - used_on(uses, day))
        day += timedelta(days=1)
    start = left + _got_on(given, today)
    return Stock(start, _first_uncovered(start, uses, today))


def used_on(uses: Sequence[Use], day: date) -> Decimal:
    """Return the pieces the plan uses on a day."""
    return sum(
        (u.per_day for u in uses if u.start_on <= day and (u.end_on is None or day <= u.end_on)),
        Decimal(0),
    )


@dataclass(frozen=True, slots=True)
class SupplyWarning:
    """An alert about supply: its rule, how soon a person has to act, and why in words."""

    rule_id: str
    level: Level
    minutes: int
    plain: str


# [proposal] A gap known long before is no emergency: the level and the day of W02_SUPPLY_7.
SUPPLY_GAP = SupplyWarning(
    "SUPPLY_GAP", Level.WATCH, 1440, "The medicine runs out before the next pick-up."
)


def supply_warning(days_left: int, *, is_before_pickup: bool) -> SupplyWarning | None:
    """Return the alert that so many days of medicine left call for, if any does.

    ``is_before_pickup`` says a later pick-up is arranged, so that the gap is known already:
    that is told however far away it is. Near the end the rules of a check-in go first.
    """
    rules = {rule.rule_id: rule for rule in (*URGENT_RULES, *WATCH_RULES)}
    if days_left <= TASK_DAYS:
        rule = rules["U03_SUPPLY_3" if days_left <= URGENT_DAYS else "W02_SUPPLY_7"]
        return SupplyWarning(rule.rule_id, rule.level, rule.minutes, rule.plain)
    return SUPPLY_GAP if is_before_pickup else None


def covers_step(run_out_on: date | None, step_end_on: date | None) -> bool:
    """Answer whether supply reaches a week past the end of a step (invariant 7).

    A step without an end is covered when supply does not run out within the horizon.
    """
    if run_out_on is None:
        return True
    return step_end_on is not None and run_out_on > step_end_on + timedelta(days=COVER_DAYS)


def _got_on(given: Sequence[Received], day: date) -> Decimal:
    return sum((each.quantity for each in given if each.on == day), Decimal(0))


def _first_uncovered(left: Decimal, uses: Sequence[Use], today: date) -> date | None:
    for ahead in range(HORIZON_DAYS):
        day = today + timedelta(days=ahead)
        need = used_on(uses, day)
        if need > left:
            return day
        left -= need
    return None
