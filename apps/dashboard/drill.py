"""The weekly drill: a synthetic patient's red flag takes the whole path, and is timed.

The patient is the only one of a clinic of its own, so no list, count or report of a real
clinic can hold it, and nobody on call is woken.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from apps.accounts.models import User
from apps.alerts.actions import resolve_alert
from apps.alerts.models import DRILL_CLINIC, Alert, Drill
from apps.alerts.states import AlertStatus, DeliveryStatus
from apps.checkins.actions import submit_check_in
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.patients.actions import register_patient
from apps.patients.models import Clinic, Patient, Role, StaffMember

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


@transaction.atomic
def cast() -> tuple[StaffMember, Patient]:
    """Return the drill's one recipient and one patient, made at the first call.

    Safe to call at once from several processes: the clinic's row is locked.
    """
    clinic, _ = Clinic.objects.get_or_create(
        pk=DRILL_CLINIC,
        defaults={"name": "Glidepath drill", "time_zone": "UTC", "phone": "-"},
    )
    Clinic.objects.select_for_update().get(pk=clinic.pk)
    address = settings.DRILL_EMAIL.lower()
    user = User.objects.filter(email=address).first() or User.objects.create_user(
        email=address, full_name="Drill"
    )
    clinic.staff.exclude(user=user).update(is_active=False)
    member, _ = StaffMember.objects.get_or_create(
        clinic=clinic, user=user, defaults={"role": Role.NURSE}
    )
    patient = Patient.objects.filter(clinic=clinic).first()
    return member, patient or make_patient(clinic)


def make_patient(clinic: Clinic) -> Patient:
    """Return the synthetic patient, newly registered."""
    return register_patient(
        clinic=clinic,
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
def start_drill(now: datetime) -> Drill:
    """Submit the synthetic red flag and record when; its mails leave after the commit."""
    _, patient = cast()
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
    return Drill.objects.create(started_at=now, alert=alert)


def start_if_due(now: datetime) -> Drill | None:
    """Start a drill when the last is a week old; None when it is not time."""
    last = Drill.objects.order_by("-started_at").first()
    week = timedelta(days=settings.DRILL_DAYS)
    if not settings.DRILL_DAYS or (last is not None and now - last.started_at < week):
        return None
    return start_drill(now)


@transaction.atomic
def finish(drill: Drill, now: datetime) -> bool:
    """Store how long a drill took and close its alert; False while it is still on its way.

    Safe to call twice. A drill that never arrives stays open: the sweep tells the leads.
    """
    drill = Drill.objects.select_for_update(of=("self",)).select_related("alert").get(pk=drill.pk)
    sent = drill.alert.deliveries.filter(status=DeliveryStatus.SENT).order_by("sent_at").first()
    if sent is None or sent.sent_at is None:
        return False
    if drill.accepted_at is None:
        drill.accepted_at = sent.sent_at
        drill.seconds = (sent.sent_at - drill.started_at).total_seconds()
        drill.save(update_fields=["accepted_at", "seconds"])
    if drill.alert.status != AlertStatus.RESOLVED:
        member, _ = cast()
        resolve_alert(
            alert=drill.alert,
            by=member.user,
            outcome=Alert.Outcome.FALSE_ALARM,
            note=f"Drill, {drill.seconds:.1f} seconds.",
            now=now,
        )
    return True


def turn(now: datetime) -> None:
    """Start the drill when it is due and finish those under way."""
    start_if_due(now)
    for drill in Drill.objects.exclude(alert__status=AlertStatus.RESOLVED):
        finish(drill, now)
