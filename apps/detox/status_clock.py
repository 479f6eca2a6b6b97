"""The clock on a status in which nobody is reminded: who is left in peace is asked after, again.

"In hospital" and "paused" stop reminders, and silence alerts nobody. Whoever went home untold, was
marked by mistake, or is paused while some is taken, would be watched by nobody for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Greatest

from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask, policy_of
from apps.checkins.models.task import HOSPITAL_DAYS, PAUSED_DAYS
from apps.checkins.task_actions import overtake_tasks
from apps.detox.models import Stay
from apps.detox.referral_actions import locked
from apps.detox.told_anew import why_not_left
from apps.detox.turns import in_turn
from apps.patients.models import DRILL_CLINIC, Patient
from apps.patients.moving import Found
from apps.tapers.models import TaperPlan

ANSWER_WITHIN: Final = timedelta(hours=24)  # [proposal]
DAY: Final = timedelta(days=1)
OWN: Final = OuterRef("pk")
Kind = CareTask.Kind
Status = Patient.Status


@dataclass(frozen=True, slots=True)
class StatusClock:
    """One status, the task that asks about it, and after how many days of hearing no more.

    `days` is asked of the database and of a patient. `since` names the column with the moment
    of the mark. Of those in the status `is_asked` says who may be asked after, and
    `may_be_over` whose open question may be over; `goes_on` looks at each of both.
    """

    status: Status
    kind: Kind
    since: str
    days: Coalesce | Value
    days_of: Callable[[Patient], int]
    is_asked: Callable[[], Q]
    may_be_over: Callable[[], Q]
    goes_on: Callable[[Patient, datetime], bool]


def on_a_plan() -> Q:
    """Return the condition that a patient is on a plan."""
    return Q(Exists(TaperPlan.objects.active().filter(patient=OWN)))


def is_left_with_some(patient: Patient, now: datetime) -> bool:
    """Answer whether a paused patient is on a plan, or takes some that nobody tapers.

    By the word that would refuse "ended", too. Whom the clinic never tapered nobody asks.
    """
    has_plan = TaperPlan.objects.active().filter(patient=patient).exists()
    return has_plan or bool(why_not_left(patient, now))


# Whoever lies in a bed of the clinic's own is not asked after: rounds are, by the hour.
HOSPITAL: Final = StatusClock(
    status=Status.IN_HOSPITAL, kind=Kind.HOSPITAL, since="in_hospital_since",
    days=Coalesce(F("clinic__check_in_policy__hospital_days"), Value(HOSPITAL_DAYS)),
    days_of=lambda patient: policy_of(patient.clinic_id).hospital_days,
    is_asked=lambda: ~Q(Exists(Stay.objects.current().filter(patient=OWN))),
    may_be_over=lambda: Q(pk__in=[]), goes_on=lambda patient, now: True,
)  # fmt: skip
PAUSED: Final = StatusClock(
    status=Status.PAUSED, kind=Kind.PAUSED, since="paused_since",
    days=Value(PAUSED_DAYS), days_of=lambda patient: PAUSED_DAYS,
    is_asked=Q, may_be_over=lambda: ~on_a_plan(), goes_on=is_left_with_some,
)  # fmt: skip


def left_in_peace(clock: StatusClock, now: datetime) -> Found:
    """Return patients in the status of whom nothing was said for so many days.

    And those with an open question who need not be asked any more.
    """
    asked = CareTask.objects.filter(patient=OWN, kind=clock.kind)
    is_open = Exists(asked.filter(done_at__isnull=True))
    answered = asked.filter(done_at__isnull=False).order_by("-done_at").values("done_at")[:1]
    patients = Patient.objects.exclude(clinic=DRILL_CLINIC).alias(
        said_at=Greatest("registered_at", clock.since, answered),
        wait=ExpressionWrapper(clock.days * Value(DAY), output_field=DurationField()),
    )
    due = patients.filter(clock.is_asked(), status=clock.status)
    due = due.filter(said_at__lte=Value(now) - F("wait")).exclude(is_open)
    over = Patient.objects.filter(is_open).filter(~Q(status=clock.status) | clock.may_be_over())
    name = str(clock.kind)
    return [*in_turn(f"{name} left", due), *in_turn(f"{name} asked", over)]


@transaction.atomic
def ask_after(clock: StatusClock, patient_id: UUID, now: datetime) -> bool:
    """Open the task that asks, or end it for somebody who need not be asked any more."""
    patient = locked(patient_id)
    if patient.status != clock.status or not clock.goes_on(patient, now):
        overtake_tasks(patient_id=patient.pk, kind=clock.kind, by=None, now=now)
        return False
    said_at = last_word(clock, patient)
    if now - said_at < timedelta(days=clock.days_of(patient)):
        return False
    source = uuid5(patient.pk, f"{clock.kind} {said_at.isoformat()}")
    return open_clock_task(patient, clock.kind, source, now + ANSWER_WITHIN, now)


def last_word(clock: StatusClock, patient: Patient) -> datetime:
    """Return when somebody last said that the status is so: at the mark, or by an answer.

    Of a mark older than its column only the registration is known: asked after at once.
    """
    tasks = CareTask.objects.filter(patient=patient, kind=clock.kind, done_at__isnull=False)
    done = tasks.order_by("-done_at").values_list("done_at", flat=True).first()
    known = (patient.registered_at, getattr(patient, clock.since), done)
    return max(at for at in known if at is not None)
