"""Writes about what leaves the app: calendar addresses, and who took which paper."""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.accounts.tokens import hash_token, new_token
from apps.audit.actions import naming, record
from apps.exchange.models import CalendarFeed
from apps.patients.models import Patient
from apps.tapers.schedule import Schedule


@transaction.atomic
def make_feed(*, patient: Patient, with_names: bool, by: User | None, now: datetime) -> str:
    """Return the token of a new calendar address; the one before stops working.

    The token is returned this once and only its hash is kept. `by` is None for the
    patient. Old address, new address and audit row change together or not at all.
    """
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    patient.calendar_feeds.live().update(revoked_at=now, revoked_by=by)
    token = new_token()
    feed = CalendarFeed.objects.create(
        clinic_id=patient.clinic_id, patient=patient, token_hash=hash_token(token),
        with_names=with_names, created_at=now, created_by=by,
    )  # fmt: skip
    _write_down("calendar.made", feed, by, now, with_names=with_names)
    return token


@transaction.atomic
def revoke_feed(*, patient: Patient, by: User | None, now: datetime) -> bool:
    """Stop the patient's calendar address; return whether there was one. Twice is once."""
    feed = patient.calendar_feeds.live().select_for_update().first()
    if feed is None:
        return False
    feed.revoked_at, feed.revoked_by = now, by
    feed.save(update_fields=["revoked_at", "revoked_by"])
    _write_down("calendar.revoked", feed, by, now)
    return True


@transaction.atomic
def revoke_every_feed(now: datetime) -> int:
    """Stop every calendar's address, as after a restore: one may have been stopped since."""
    return CalendarFeed.objects.live().update(revoked_at=now)


def note_calendar_read(*, feed: CalendarFeed, by: None, now: datetime) -> None:
    """Write down that a calendar program fetched the plan; nobody is signed in there."""
    _write_down("calendar.read", feed, by, now)


def note_paper(*, schedule: Schedule, paper: str, by: User | None, now: datetime) -> None:
    """Write down who looked at or took which paper of a plan, and of which version."""
    record(
        "plan.paper_taken", by=by, now=now, clinic_id=schedule.patient.clinic_id,
        patient_id=schedule.patient.pk, obj=schedule.plan, paper=paper,
        version=schedule.version.number,
    )  # fmt: skip


def note_record_export(*, patient: Patient, why: str, by: User, now: datetime) -> None:
    """Write down who took the whole record of a patient along, and for what it is needed.

    Every alert is in it.
    """
    alerts = naming(patient.alerts.values_list("pk", flat=True))
    record(
        "record.exported", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=patient, why=why, form="fhir", **alerts,
    )  # fmt: skip


def _write_down(
    event: str, feed: CalendarFeed, by: User | None, now: datetime, **details: object
) -> None:
    record(
        event, by=by, now=now, clinic_id=feed.clinic_id, patient_id=feed.patient_id, obj=feed,
        **details,
    )  # fmt: skip
