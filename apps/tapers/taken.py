"""What a patient takes now, and since when that is known: one answer for every reader.

A plan in force says it. After the last dose nothing is taken. Without either the newest word
counts: a unit's at discharge, what is taken again, the last step of a plan that was left, or the
intake. Reads only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from apps.patients.models import Patient
from apps.tapers.models import TaperPlan, TaperStep
from apps.tapers.tablets import dose_words
from apps.tapers.today import Today, plan_today


class Known(StrEnum):
    """Who says what is taken."""

    PLAN = "plan"
    STOPPED = "stopped"
    UNIT = "unit"
    RESTART = "restart"
    LEFT = "left"
    INTAKE = "intake"


@dataclass(frozen=True, slots=True)
class Told:
    """What is taken outside of plans, in words, when it was written down and who says it."""

    words: str
    at: datetime
    known: Known = Known.UNIT


@dataclass(frozen=True, slots=True)
class Taken:
    """What is taken a day, who says so and since when; `by_drug` is None where only words are.

    `steps` are those taken of the plan that says it, the last one last.
    """

    known: Known
    since: date
    words: str
    by_drug: Mapping[str, Decimal] | None
    steps: list[TaperStep] = field(default_factory=list)


# Asked for the newest word of somebody who gave medicine elsewhere. Apps above add theirs at
# start, as guards do (ADR 8).
Teller = Callable[[Patient], Told | None]
TELLERS: Final[list[Teller]] = []


def register_teller(teller: Teller) -> None:
    """Ask this one, too, what is taken where no plan says it. Registering twice is once."""
    if teller not in TELLERS:
        TELLERS.append(teller)


def taken_now(patient: Patient, now: datetime, state: Today | None = None) -> Taken:
    """Return what the patient takes at `now`; `state` is today's plan with its tablets, if known.

    Five queries at most beside the plan's, and none for a plan in force or after the last dose.
    """
    state = state or plan_today(patient, now, pieces=True)
    if state is not None and state.step is not None:
        step = state.step
        return Taken(Known.PLAN, step.start_on, step.dose, step.by_drug, state.begun)
    return taken_without_plan(patient)


def taken_without_plan(patient: Patient) -> Taken:
    """Return the same of a patient on no active plan: the newest word, a unit's before others."""
    if patient.last_dose_on is not None:
        return Taken(Known.STOPPED, patient.last_dose_on, "none", {})
    intake = from_intake(patient)
    found = [
        *(from_teller(told, patient) for teller in TELLERS if (told := teller(patient))),
        *from_plan_left(patient),
        intake,
    ]
    return max(found, key=lambda each: each[0])[1]


def from_teller(told: Told, patient: Patient) -> tuple[datetime, Taken]:
    """Return what was said, with the moment at which it became known."""
    day = told.at.astimezone(patient.tz).date()
    return told.at, Taken(told.known, day, told.words, None)


def from_plan_left(patient: Patient) -> list[tuple[datetime, Taken]]:
    """Return the last dose of the plan that was left last, with that moment; nothing for none."""
    plans = patient.plans.filter(activated_at__isnull=False, left_at__isnull=False)
    plan = plans.exclude(status=TaperPlan.Status.ACTIVE).select_related("in_force").order_by(
        "-left_at"
    ).first()  # fmt: skip
    if plan is None or plan.in_force is None or plan.left_at is None:
        return []
    left_on = plan.left_at.astimezone(patient.tz).date()
    rows = plan.in_force.steps.filter(number__lte=plan.begun_step, start_on__lte=left_on)
    steps = list(rows.prefetch_related("pieces"))
    if not steps:
        return []
    last = steps[-1]
    return [(plan.left_at, Taken(Known.LEFT, left_on, last.dose, last.by_drug, steps))]


def from_intake(patient: Patient) -> tuple[datetime, Taken]:
    """Return the intake's dose with the moment at which it was last said anew."""
    anew = patient.intake_entries.filter(taken_before__isnull=False).order_by("-number")
    at: datetime = anew.values_list("saved_at", flat=True).first() or patient.registered_at
    doses = {patient.medication.drug_id: patient.medication.daily_mg}
    return at.astimezone(UTC), Taken(
        Known.INTAKE, at.astimezone(patient.tz).date(), dose_words(doses), doses
    )
