"""The clock on "paused": whoever is on a plan and asked nothing is asked after, again and again.

Paused patients are not reminded and their silence alerts nobody, while their plan still gives a
dose: without this clock they would be watched by nobody for ever. The same as "in hospital".
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, Value
from django.db.models.functions import Greatest

from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.models.task import PAUSED_DAYS
from apps.checkins.task_actions import overtake_tasks
from apps.detox.hospital_clock import ANSWER_WITHIN, BATCH
from apps.detox.referral_actions import locked
from apps.patients.models import DRILL_CLINIC, Patient
from apps.patients.moving import Found
from apps.tapers.models import TaperPlan

WAIT: Final = timedelta(days=PAUSED_DAYS)
Kind = CareTask.Kind
Status = Patient.Status


def long_paused(now: datetime) -> Found:
    """Return patients on an active plan who are paused and of whom nothing was said for a week.

    And those with an open question who are paused no more, or on no plan.
    """
    own = OuterRef("pk")
    asked = CareTask.objects.filter(patient=own, kind=Kind.PAUSED)
    is_open = Exists(asked.filter(done_at__isnull=True))
    has_plan = Exists(TaperPlan.objects.active().filter(patient=own))
    answered = asked.filter(done_at__isnull=False).order_by("-done_at").values("done_at")[:1]
    patients = Patient.objects.exclude(clinic=DRILL_CLINIC).alias(
        said_at=Greatest("registered_at", "paused_since", answered)
    )
    due = patients.filter(has_plan, status=Status.PAUSED, said_at__lte=Value(now - WAIT))
    needless = Patient.objects.filter(is_open).exclude(has_plan, status=Status.PAUSED)
    found = due.exclude(is_open).values_list("pk", "clinic_id")[:BATCH]
    return [*found, *needless.values_list("pk", "clinic_id")[:BATCH]]


@transaction.atomic
def ask_how_it_goes_on(patient_id: UUID, now: datetime) -> bool:
    """Open the task that asks, or end it for somebody who is not paused on a plan any more."""
    patient = locked(patient_id)
    has_plan = TaperPlan.objects.active().filter(patient=patient).exists()
    if patient.status != Status.PAUSED or not has_plan:
        overtake_tasks(patient_id=patient.pk, kind=Kind.PAUSED, by=None, now=now)
        return False
    said_at = last_word(patient)
    if now - said_at < WAIT:
        return False
    source = uuid5(patient.pk, f"paused {said_at.isoformat()}")
    return open_clock_task(patient, Kind.PAUSED, source, now + ANSWER_WITHIN, now)


def last_word(patient: Patient) -> datetime:
    """Return when somebody last said that the patient is paused: at the mark, or by an answer.

    Of a mark older than its column only the registration is known: asked after at once.
    """
    tasks = CareTask.objects.filter(patient=patient, kind=Kind.PAUSED, done_at__isnull=False)
    done = tasks.order_by("-done_at").values_list("done_at", flat=True).first()
    known = (patient.registered_at, patient.paused_since, done)
    return max(at for at in known if at is not None)
