"""The shape of an invented patient's story. Days are counted back from the load."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apps.alerts.models import Alert
from apps.patients.models import Patient


class Care(StrEnum):
    """How far the staff have come with an alert when the demo is loaded."""

    DONE = "done"
    TAKEN = "taken"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Event:
    """A check-in whose answers are written by hand.

    `minutes_ago` goes before `days_ago`, for what is still on the board. `taken_after`
    is the minutes until somebody took the alert, when that is not left to chance.
    """

    days_ago: int = 0
    minutes_ago: int | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    care: Care = Care.DONE
    taken_after: int | None = None
    outcome: Alert.Outcome = Alert.Outcome.SPOKE
    note: str = ""
    keep_hold: bool = False

    def is_on(self, ago: int) -> bool:
        """Answer whether this happened at the usual hour of that day."""
        return self.minutes_ago is None and self.days_ago == ago


@dataclass(frozen=True, slots=True)
class Story:
    """One invented patient from registration to today.

    `method` is the plan as the engine takes it, without drug, slots and start;
    `planned` says how many days ago the present dose began, None for no plan.
    `level` is the usual daily score, `swing` the points a cut of 10 % adds at its
    worst, `keeps` the share of days with a check-in and `last` the day of the last.
    `review_forgotten` is the days for which nobody has reviewed risks and benefits.
    """

    given: str
    family: str
    born: str
    drug: str
    slots: Mapping[str, str]
    months: int
    registered: int
    method: Mapping[str, Any] | None = None
    planned: int | None = None
    activated: bool = True
    language: str = "en"
    risk: tuple[str, ...] = ()
    level: float = 5
    swing: float = 3
    keeps: float = 0.85
    hour: int = 18
    last: int = 0
    status: str = Patient.Status.ACTIVE
    status_since: int | None = None
    review_forgotten: int = 0
    plan_ended: int | None = None
    care_level_note: str = ""
    events: tuple[Event, ...] = ()
    entry_note: str = ""
    trusts: str = ""

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given} {self.family}"


def percent(share: int, *, every: int = 14, goal: str = "0") -> dict[str, Any]:
    """Return a plan that cuts a share of the dose of the moment."""
    kind = {"kind": "percent_of_current", "percent": str(share)}
    return {"method": kind, "interval_days": every, "goal_mg": goal}


def percent_of_start(share: int, *, every: int = 14) -> dict[str, Any]:
    """Return a plan that cuts a share of the first dose, down to nothing."""
    kind = {"kind": "percent_of_start", "percent": str(share)}
    return {"method": kind, "interval_days": every, "goal_mg": "0"}


def fixed(mg: str, *, every: int = 14) -> dict[str, Any]:
    """Return a plan that cuts the same milligrams each time, down to nothing."""
    return {"method": {"kind": "fixed_mg", "mg": mg}, "interval_days": every, "goal_mg": "0"}


def hyperbolic(steps: int, *, every: int = 14) -> dict[str, Any]:
    """Return a plan of equal occupancy steps, down to nothing."""
    kind = {"kind": "hyperbolic", "steps": steps}
    return {"method": kind, "interval_days": every, "goal_mg": "0"}


def preset(name: str) -> dict[str, Any]:
    """Return a published plan with its own interval, down to nothing."""
    return {"method": {"kind": "preset", "name": name}, "goal_mg": "0"}
