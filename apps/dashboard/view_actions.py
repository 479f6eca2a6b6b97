"""Writes of what staff keep here: notes on a patient, saved ways to look at the caseload."""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.dashboard.models import PatientNote, SavedView
from apps.patients.models import Patient, StaffMember

VIEWS_AT_MOST = 20


class ViewError(ValueError):
    """The view cannot be saved; the text is for the reader."""


class NoteError(ValueError):
    """The note cannot be corrected; the text is for the reader."""


@transaction.atomic
def save_view(
    *, member: StaffMember, name: str, chosen: dict[str, str], now: datetime
) -> SavedView:
    """Keep filters and order under a name of one's own; the same name again replaces it."""
    own = SavedView.objects.filter(clinic=member.clinic, user=member.user)
    if own.exclude(name=name).count() >= VIEWS_AT_MOST:
        raise ViewError(f"You have {VIEWS_AT_MOST} views already. Remove one first.")
    view, _ = SavedView.objects.update_or_create(
        clinic=member.clinic, user=member.user, name=name,
        defaults={"chosen": chosen, "created_at": now},
    )  # fmt: skip
    record("view.saved", by=member.user, now=now, clinic_id=member.clinic_id, obj=view)
    return view


@transaction.atomic
def remove_view(*, view: SavedView, by: User, now: datetime) -> None:
    """Forget a saved view; removing it twice changes nothing."""
    removed, _ = SavedView.objects.filter(pk=view.pk).delete()
    if removed:
        record("view.removed", by=by, now=now, clinic_id=view.clinic_id, obj=view)


@transaction.atomic
def write_note(
    *, patient: Patient, text: str, by: User, now: datetime, corrects: PatientNote | None = None
) -> PatientNote:
    """Store a note about a patient, or one that corrects an earlier one, which stays.

    The same words by the same person within a minute are one note. A note is corrected
    once; who wants to correct again corrects the correction. Raises `NoteError`.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    last = PatientNote.objects.filter(patient=patient, written_by=by).first()
    if last and last.text == text and (now - last.written_at).total_seconds() < 60:
        return last
    if corrects is not None:
        if corrects.patient_id != patient.pk:
            raise NoteError("This note belongs to somebody else's record.")
        if PatientNote.objects.filter(corrects=corrects).exists():
            raise NoteError("This note was corrected already. Correct the newer one.")
    note = PatientNote.objects.create(
        clinic_id=patient.clinic_id, patient=patient, text=text, written_at=now, written_by=by,
        corrects=corrects,
    )  # fmt: skip
    record(
        "note.corrected" if corrects else "note.written", by=by, now=now,
        clinic_id=patient.clinic_id, patient_id=patient.pk, obj=note,
    )  # fmt: skip
    return note
