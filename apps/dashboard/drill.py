"""The weekly drill: in each clinic a synthetic patient's red flag takes the whole path.

The patients are invented and belong to a clinic of their own, so no list, count, export or
report of a real clinic can hold them; but the alert goes by the rota, the ladder, the
contact methods and the gateways of the clinic it proves (docs/adr/0036).
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from apps.alerts.models import Alert, Drill, SyntheticPatient
from apps.audit.actions import record
from apps.checkins.actions import submit_check_in
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.patients.actions import register_patient
from apps.patients.models import DRILL_CLINIC, Clinic, Patient

ANSWERS: Final[dict[str, object]] = {"seizure": "yes"}
PERSON: Final = {
    "given_name": "Synthetic",
    "family_name": "Drill",
    "birth_date": date(1980, 1, 1),
    "email": "",
    "phone": "",
    "emergency_contact": "",
    "language": "en",
    "time_zone": "UTC",
}
# By itself it begins in the clinic's day, so that no drill wakes anybody [proposal].
BEGINS_FROM, BEGINS_BEFORE = 9, 17
# A drill that reached nobody is held again the next day [proposal].
AGAIN_AFTER: Final = timedelta(days=1)


def cast(clinic: Clinic) -> Patient:
    """Return the clinic's synthetic patient, made at the first call, the drill's clinic locked.

    Safe to call at once from several processes: they wait for each other until they commit.
    """
    Clinic.objects.get_or_create(
        pk=DRILL_CLINIC,
        defaults={"name": "Glidepath drill", "time_zone": "UTC", "phone": "-"},
    )
    stage = Clinic.objects.select_for_update().get(pk=DRILL_CLINIC)
    known = SyntheticPatient.objects.filter(clinic=clinic).select_related("patient__clinic").first()
    if known is not None:
        return known.patient
    patient = make_patient(stage)
    SyntheticPatient.objects.create(patient=patient, clinic=clinic)
    return patient


def make_patient(stage: Clinic) -> Patient:
    """Return a synthetic patient, newly registered."""
    return register_patient(
        clinic=stage,
        person=dict(PERSON),
        medication={
            "drug_id": "diazepam",
            "pattern": "daily",
            "taken_months": 12,
            "night_mg": Decimal(5),
        },
        risk={},
        by=None,
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )


@transaction.atomic
def start_drill(clinic: Clinic, now: datetime) -> Drill:
    """Submit the clinic's synthetic red flag and record when; its messages leave after the commit.

    While one is under way it is returned and no second one starts.
    """
    patient = cast(clinic)
    under_way = Drill.objects.under_way().filter(clinic=clinic).select_related("alert").first()
    if under_way is not None:
        return under_way
    check_in = submit_check_in(
        patient=patient,
        questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=ANSWERS,
        submission_id=uuid4(),
        language="en",
        reported_at=now,
        now=now,
    )
    alert = Alert.objects.get(source_id=check_in.pk)
    record("drill.started", by=None, now=now, clinic_id=clinic.pk, obj=alert)
    return Drill.objects.create(started_at=now, clinic=clinic, alert=alert)


def staffed_clinics() -> list[Clinic]:
    """Return the real clinics in which somebody works."""
    return list(Clinic.objects.real().staffed())


def start_due(now: datetime) -> list[Drill]:
    """Start the drill of each clinic whose last is a week old, in that clinic's day."""
    if not settings.DRILL_DAYS:
        return []
    last = {drill.clinic_id: drill for drill in Drill.objects.latest_of_each()}
    return [
        start_drill(clinic, now)
        for clinic in staffed_clinics()
        if is_due(clinic, last.get(clinic.pk), now)
    ]


def is_due(clinic: Clinic, last: Drill | None, now: datetime) -> bool:
    """Answer whether it is day in the clinic and its last drill is long enough ago."""
    if not BEGINS_FROM <= now.astimezone(clinic.tz).hour < BEGINS_BEFORE:
        return False
    if last is None:
        return True
    reached = last.accepted_at is not None
    wait = timedelta(days=settings.DRILL_DAYS) if reached else AGAIN_AFTER
    return last.ended_at is not None and now - last.started_at >= wait
