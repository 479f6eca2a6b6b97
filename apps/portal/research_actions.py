"""Writes of the consent to research: a yes on the own pages or on paper, and its end.

Each is one transaction under the patient's lock, with its row in the audit record.
"""

from datetime import date, datetime
from typing import Any, Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import HasId, record
from apps.patients.models import Patient
from apps.portal.models import ResearchConsent
from apps.portal.research_consent import VERSION, research_hash

# Younger patients say yes on paper only, where who signs for them can be seen. [proposal: the age,
# and who must sign, are the law's and the ethics board's to say]
OF_AGE: Final = 18


class ResearchConsentError(ValueError):
    """This yes cannot be taken so; the text is for the reader."""


def may_agree_alone(patient: Patient, now: datetime) -> bool:
    """Answer whether the patient is old enough to say yes on their own pages."""
    return patient.age_on(now.astimezone(patient.tz).date()) >= OF_AGE


@transaction.atomic
def agree_to_research(*, patient: Patient, language: str, now: datetime) -> ResearchConsent:
    """Record that the patient said yes on their own pages to the words of today's version.

    Saying yes again changes nothing. Raises `ResearchConsentError` for who is too young.
    """
    patient = locked(patient)
    if not may_agree_alone(patient, now):
        raise ResearchConsentError("Who is under 18 says yes on paper only.")
    return store(patient, patient, now, language=language)


@transaction.atomic
def record_research_paper(
    *, patient: Patient, signed_on: date, by: User, now: datetime
) -> ResearchConsent:
    """Record the paper that a patient signed, in the patient's language, on that day.

    With a yes in force nothing changes. Raises `ResearchConsentError` when the day is to come, is
    before the last time the yes was taken back, or when the patient is dead.
    """
    patient = locked(patient)
    if patient.status == Patient.Status.DECEASED:
        raise ResearchConsentError("This patient is marked as deceased.")
    if signed_on > now.astimezone(patient.clinic.tz).date():
        raise ResearchConsentError("This day has not come yet. Type the day on the paper.")
    last = patient.research_consents.order_by("-given_at").first()
    if last and last.withdrawn_at and signed_on < last.withdrawn_at.astimezone(patient.tz).date():
        raise ResearchConsentError(
            "The patient took their yes back after this day. Only a new paper can stand for it."
        )
    return store(patient, by, now, language=patient.language, signed_on=signed_on, recorded_by=by)


@transaction.atomic
def withdraw_research(*, patient: Patient, by: User | None, now: datetime) -> bool:
    """End the yes: the patient is in no export from now on; False when there was none.

    `by` is who of the staff was told, None where the patient did it. What has left stays away.
    """
    return end_research(locked(patient), by, now)


def end_research(patient: Patient, by: User | None, now: datetime) -> bool:
    """Do the same for a patient whose row the caller has locked."""
    found = ResearchConsent.objects.in_force().filter(patient=patient).first()
    if found is None:
        return False
    found.withdrawn_at, found.withdrawn_by = now, by
    found.save(update_fields=["withdrawn_at", "withdrawn_by"])
    write_down("research.consent_withdrawn", found, by or patient, now)
    return True


def store(patient: Patient, by: HasId, now: datetime, **more: Any) -> ResearchConsent:
    """Return the yes in force, stored now if there was none."""
    existing = ResearchConsent.objects.in_force().filter(patient=patient).first()
    if existing is not None:
        return existing
    made = ResearchConsent.objects.create(
        clinic_id=patient.clinic_id, patient=patient, version=VERSION, given_at=now,
        text_hash=research_hash(more["language"]), **more,
    )  # fmt: skip
    write_down("research.consent_given", made, by, now, version=VERSION, paper=bool(made.signed_on))
    return made


def locked(patient: Patient) -> Patient:
    """Return the patient locked: a yes and its end come one after another."""
    rows = Patient.objects.select_for_update(no_key=True, of=("self",)).select_related("clinic")
    return rows.get(pk=patient.pk)


def write_down(event: str, obj: ResearchConsent, by: HasId, now: datetime, **details: Any) -> None:
    """Append the audit row; the actor of what a patient does is the patient."""
    record(
        event, by=by, now=now, clinic_id=obj.clinic_id, patient_id=obj.patient_id, obj=obj,
        **details,
    )  # fmt: skip
