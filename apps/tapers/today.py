"""What a patient takes today: the one answer that every page, check-in and print uses.

A reduction begins at the patient's local midnight and only when it is unlocked: a
check-in came since the step before began, no hold is open, and no gate of another app
stands in the way (ADR 8). Until the clock job has settled a due step this module gives
the same answer that the job will store.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import prefetch_related_objects

from apps.database.expressions import unseen
from apps.database.statements import Read
from apps.patients.models import Patient
from apps.tapers.models import PlanHold, PlanVersion, TaperPlan, TaperStep

# Asked with a patient and the moments at which the step before began and this one is
# due; the answer is why the cut may not come, or nothing. Apps above add theirs at start.
Gate = Callable[[UUID, datetime, datetime], str]
GATES: list[Gate] = []

ACTIVE_PLAN = Read[TaperPlan](
    lambda patient_id: (
        TaperPlan.objects.active().select_related("in_force").filter(patient_id=patient_id)
    ),
    patient_id=UUID,
)
STEPS = Read[TaperStep](
    lambda version_id: TaperStep.objects.filter(version_id=version_id), version_id=UUID
)
OPEN_HOLDS = Read[PlanHold](
    lambda plan_id: PlanHold.objects.open().filter(plan_id=unseen(plan_id)).order_by("opened_at"),
    plan_id=UUID,
)


def register_gate(gate: Gate) -> None:
    """Ask this gate, too, before any reduction begins. Registering twice is once."""
    if gate not in GATES:
        GATES.append(gate)


@dataclass(frozen=True, slots=True)
class Today:
    """A plan as it stands on one day: the step in force, what comes next, what locks it."""

    day: date
    plan: TaperPlan
    version: PlanVersion
    steps: list[TaperStep]
    step: TaperStep | None
    holds: list[PlanHold]
    locked_because: str

    @property
    def next(self) -> TaperStep | None:
        """The step after the one in force, whatever its date; the first before the start."""
        number = self.step.number if self.step else 0
        return next((step for step in self.steps if step.number == number + 1), None)

    @property
    def step_to_hold(self) -> int:
        """The number of the step that a hold keeps: the one in force, and what has begun.

        Whoever flies west over midnight is back on the day before for some hours; a step
        that began by the earlier clock is not taken back by a hold of that evening.
        """
        return max(self.step.number if self.step else 1, self.plan.begun_step)

    @property
    def begun(self) -> list[TaperStep]:
        """The steps that were taken, the one in force last: none that a hold or a gate stopped."""
        return [step for step in self.steps if self.step and step.number <= self.step.number]

    @property
    def drug_id(self) -> str:
        """The drug taken today: while a switch runs the old one, after it the new one.

        Half-life classes hang on it.
        """
        current = self.step or self.steps[0]
        doses = [step for step in self.steps if step.daily_mg and step.number <= current.number]
        taken = set(doses[-1].by_drug) - {""} if doses else set()
        if not taken or self.version.drug_id in taken:
            return self.version.drug_id
        return min(taken)

    @property
    def is_locked(self) -> bool:
        """Whether the next reduction waits for a person, or for an end to the hold."""
        return bool(self.holds or self.locked_because)


def plan_today(patient: Patient, now: datetime, *, pieces: bool = False) -> Today | None:
    """Return how the patient's active plan stands at `now`, None without one."""
    plan = ACTIVE_PLAN.first(patient_id=patient.pk)
    if plan is None:
        return None
    plan.patient = patient
    return today_of(plan, now, pieces=pieces)


def no_dose_left_behind(patient: Patient, now: datetime) -> str:
    """Return why the clinic may not stop following a patient: an active plan gives a dose."""
    state = plan_today(patient, now)
    if state is None or state.step is None or not state.step.by_drug:
        return ""
    return (
        f"The active plan gives {state.step.dose} a day. End the plan first: whoever is no longer "
        "followed sees no dose, and nobody may be left to stop at once (ASAM-03)."
    )


def today_of(plan: TaperPlan, now: datetime, *, pieces: bool = False) -> Today:
    """Return how a plan stands at `now`; `pieces` fetches the tablets with the steps.

    Those of a plan that switches are always fetched: its doses cannot be told without.
    """
    version, day = plan.version, now.astimezone(plan.patient.tz).date()
    ahead = STEPS.ahead(version_id=version.pk)
    holds = OPEN_HOLDS.all(plan_id=plan.pk)
    steps = ahead()
    for each in steps:  # a step asks its version whether its milligrams add up
        each.version = version
    if pieces or version.switches:
        prefetch_related_objects(steps, "pieces")
    step, locked = unlocked_step(plan, steps, holds, day)
    return Today(day, plan, version, steps, step, holds, locked)


def unlocked_step(
    plan: TaperPlan, steps: list[TaperStep], holds: list[PlanHold], day: date
) -> tuple[TaperStep | None, str]:
    """Return the step in force on `day` and why the next one is locked, if it is.

    Steps that the clock has let begin stand. A due one after them counts only when it
    is no reduction, or when every gate lets it pass.
    """
    due = step_in_force(steps, holds, day)
    if due is None or due.number <= plan.begun_step:
        return due, ""
    by_number = {step.number: step for step in steps}
    current = by_number[min(plan.begun_step, due.number)]
    while current.number < due.number:
        following = by_number[current.number + 1]
        locked = why_locked(plan.patient, current, following)
        if locked:
            return current, locked
        current = following
    return current, ""


def why_locked(patient: Patient, current: TaperStep, following: TaperStep) -> str:
    """Return why `following` may not begin on its day, empty when it may.

    A dose that stays or rises is never locked. The gates look at what was so at the
    midnight on which the step is due, so a late look gives the answer of a timely one.
    """
    if not following.is_cut_after(current):
        return ""
    since, due = midnight(current.start_on, patient.tz), midnight(following.start_on, patient.tz)
    return next((why for gate in GATES if (why := gate(patient.pk, since, due))), "")


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment a local day begins, also where the clocks change at midnight.

    Wall-clock arithmetic: fourteen days later is the same time of day, whatever the
    offset does in between. Where 00:00 does not exist, the day begins at the first
    moment that does: there and back through UTC gives it.
    """
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC).astimezone(zone)


def step_in_force(steps: list[TaperStep], holds: list[PlanHold], day: date) -> TaperStep | None:
    """Return the step that calendar and holds alone call for; None before the first step.

    An open hold keeps the step that was in force when it was opened, however far the
    calendar has moved on.
    """
    begun = [step for step in steps if step.start_on <= day]
    if not begun:
        return None
    limit = min((hold.held_step for hold in holds), default=begun[-1].number)
    return max((step for step in begun if step.number <= max(limit, 1)), key=lambda s: s.number)
