"""What the first page says: today's dose, the next step, and why it waits, in plain words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from apps.checkins import advice
from apps.checkins.gates import NO_CHECK_IN, check_in_came, no_red_alert
from apps.checkins.models import CareTask
from apps.checkins.task_actions import SOURCE_REQUEST
from apps.patients.models import Clinic, Patient
from apps.tapers.models import NOT_UNLOCKED, PlanHold, TaperStep
from apps.tapers.today import Today, midnight

# The dose is not on these patients' page: another team gives it, or nobody follows them.
WITHOUT_DOSE = (Patient.Status.IN_HOSPITAL, Patient.Status.ENDED, Patient.Status.DECEASED)


def page_context(clinic: Clinic) -> dict[str, Any]:
    """Return what every page of a patient or a trusted person shows: help, and who watches."""
    return {
        "clinic": clinic,
        "watching": advice.watching_now(clinic, timezone.now()),
        "language": get_language(),
    }


@dataclass(frozen=True, slots=True)
class NextStep:
    """The step after today's: when it is planned, and what it waits for."""

    step: TaperStep | None
    waits: list[str]
    has_checked_in: bool
    is_clear: bool

    @property
    def is_locked(self) -> bool:
        """Whether it waits for a person."""
        return bool(self.waits)


def next_step(state: Today, now: datetime) -> NextStep:
    """Return what comes next and whether it is unlocked, as the clock will decide it."""
    patient = state.plan.patient
    begun = midnight(state.step.start_on, patient.tz) if state.step else now
    return NextStep(
        step=state.next,
        waits=reasons(state),
        has_checked_in=not check_in_came(patient.pk, begun, now),
        is_clear=not no_red_alert(patient.pk, begun, now),
    )


def reasons(state: Today) -> list[str]:
    """Return why the next cut does not come by itself, each reason once."""
    found = [reason_of(hold) for hold in state.holds]
    if state.locked_because:
        found.append(words_for(state.locked_because))
    if state.version.course.get("held"):
        found.append(_("Your prescriber has paused the steps."))
    return list(dict.fromkeys(found))


def reason_of(hold: PlanHold) -> str:
    """Return one hold in the patient's words; who or what asked for it stays with the staff."""
    if hold.source_type == SOURCE_REQUEST:
        return _("You asked to stay at this dose.")
    if hold.action == NOT_UNLOCKED:
        return words_for(hold.note)
    return _("Your care team wants to look at how you are first.")


def words_for(locked_because: str) -> str:
    """Return a gate's reason in the patient's words."""
    if locked_because == NO_CHECK_IN:
        return _("No check-in came after your last step.")
    return _("Your care team wants to look at how you are first.")


def wishes(patient: Patient, now: datetime) -> dict[str, str]:
    """Return what the patient has asked for and nobody has closed yet: a sentence by kind."""
    tasks = CareTask.objects.open().filter(patient=patient)
    return {task.kind: promise(task, patient, now) for task in tasks}


def promise(task: CareTask, patient: Patient, now: datetime) -> str:
    """Return by when somebody does what was asked for, or that they should have done it."""
    words = {
        CareTask.Kind.CALL_TODAY: _("You asked for a call. By %(time)s someone should call you."),
        CareTask.Kind.STAY: _(
            "You asked to stay at this dose. By %(time)s someone should talk with you."
        ),
    }
    late = _("Someone should have called you by %(time)s. If nobody did, call %(number)s.")
    sentence = late if now > task.due_at else words.get(CareTask.Kind(task.kind), "")
    number = patient.clinic.phone or patient.clinic.emergency_number
    return sentence % {"time": advice.moment(task.due_at, patient, now), "number": number}
