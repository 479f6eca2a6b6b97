"""The clock on "in hospital": who is left in peace there is asked after, again and again.

In hospital nobody is reminded and no silence alerts. Whoever went home untold, or was marked by
mistake, would be watched by nobody for ever.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Value
from django.db.models.functions import Coalesce, Greatest

from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask, policy_of
from apps.checkins.models.task import HOSPITAL_DAYS
from apps.checkins.task_actions import overtake_tasks
from apps.detox.models import Stay
from apps.detox.referral_actions import locked
from apps.patients.models import DRILL_CLINIC, Patient
from apps.patients.moving import Found

BATCH: Final = 200
ANSWER_WITHIN: Final = timedelta(hours=24)  # [proposal]
DAY: Final = timedelta(days=1)
Status = Patient.Status


def long_in_hospital(now: datetime) -> Found:
    """Return patients in hospital of whom nothing was said for the clinic's number of days.

    And those with an open question who are not there any more. Whoever lies in a bed of the
    clinic's own is not asked after: rounds are, by the hour.
    """
    own = OuterRef("pk")
    asked = CareTask.objects.filter(patient=own, kind=CareTask.Kind.HOSPITAL)
    is_open = Exists(asked.filter(done_at__isnull=True))
    answered = asked.filter(done_at__isnull=False).order_by("-done_at").values("done_at")[:1]
    days = Coalesce(F("clinic__check_in_policy__hospital_days"), Value(HOSPITAL_DAYS))
    patients = Patient.objects.exclude(clinic=DRILL_CLINIC).alias(
        said_at=Greatest("registered_at", "in_hospital_since", answered),
        wait=ExpressionWrapper(days * Value(DAY), output_field=DurationField()),
    )
    due = patients.filter(status=Status.IN_HOSPITAL, said_at__lte=Value(now) - F("wait"))
    due = due.exclude(is_open).exclude(Exists(Stay.objects.current().filter(patient=own)))
    needless = Patient.objects.filter(is_open).exclude(status=Status.IN_HOSPITAL)
    found = due.values_list("pk", "clinic_id")[:BATCH]
    return [*found, *needless.values_list("pk", "clinic_id")[:BATCH]]


@transaction.atomic
def ask_whether_there(patient_id: UUID, now: datetime) -> bool:
    """Open the task that asks, or end it for somebody who is not in hospital any more."""
    patient = locked(patient_id)
    kind = CareTask.Kind.HOSPITAL
    if patient.status != Status.IN_HOSPITAL:
        overtake_tasks(patient_id=patient.pk, kind=kind, by=None, now=now)
        return False
    said_at = last_word(patient)
    if now - said_at < timedelta(days=policy_of(patient.clinic_id).hospital_days):
        return False
    source = uuid5(patient.pk, f"hospital {said_at.isoformat()}")
    return open_clock_task(patient, kind, source, now + ANSWER_WITHIN, now)


def last_word(patient: Patient) -> datetime:
    """Return when somebody last said that the patient is there: at the mark, or by an answer.

    Of a mark older than its column only the registration is known: asked after at once.
    """
    tasks = CareTask.objects.filter(
        patient=patient, kind=CareTask.Kind.HOSPITAL, done_at__isnull=False
    )
    done = tasks.order_by("-done_at").values_list("done_at", flat=True).first()
    known = (patient.registered_at, patient.in_hospital_since, done)
    return max(at for at in known if at is not None)
