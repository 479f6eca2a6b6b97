"""Which records of a clinic may go, and what keeps one that is old enough. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import DateTimeField, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Greatest

from apps.alerts.models import Alert
from apps.alerts.states import AlertStatus
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask
from apps.patients.models import Patient
from apps.retention.models import ErasureItem, LegalHold, RetentionRules
from apps.retention.rules import Kind, birthday, due_on, kind_of
from apps.tapers.models import TaperPlan

# A look at a record does not make it younger; every other line about the patient does.
LOOKS: Final = r"^(access|legal_hold|record)\.|\.(viewed|exported|read|searched|listed)$"
OVER: Final = (Patient.Status.ENDED, Patient.Status.DECEASED)
# What keeps a record whatever its age, and the sentence that says so.
KEEPS: Final = {
    "on_hold": "A legal hold is in force.",
    "has_open_alert": "An alert is not closed.",
    "has_active_plan": "A plan is in force.",
    "has_open_task": "A task is not done.",
}
NOT_OVER: Final = "The patient is in the clinic's care."


@dataclass(frozen=True, slots=True)
class OldRecord:
    """One patient's record whose years are over, and the sentence that keeps it, if any."""

    patient: Patient
    kind: Kind
    last_on: date
    due_on: date
    why_kept: str


def with_keeps(patients: QuerySet[Patient]) -> QuerySet[Any]:
    """Return patients with their last entry and with what keeps their record."""
    mine = OuterRef("pk")
    lines = AuditEvent.objects.filter(patient_id=mine).exclude(event__regex=LOOKS)
    last = Subquery(lines.order_by("-at").values("at")[:1], output_field=DateTimeField())
    return patients.annotate(
        last_at=Greatest("registered_at", last),  # PostgreSQL leaves an empty one out
        on_hold=Exists(LegalHold.objects.in_force().filter(patient=mine)),
        has_open_alert=Exists(
            Alert.objects.filter(patient=mine).exclude(status=AlertStatus.RESOLVED)
        ),
        has_active_plan=Exists(TaperPlan.objects.active().filter(patient=mine)),
        has_open_task=Exists(CareTask.objects.filter(patient=mine, done_at=None)),
    )


def why_kept(patient: Any) -> str:
    """Return the sentence that keeps a patient's record now, "" for none."""
    if patient.status not in OVER:
        return NOT_OVER
    # Nobody ends the plan of somebody who died: no dose is owed any more.
    passed = {"has_active_plan"} if patient.status == Patient.Status.DECEASED else set()
    return next(
        (KEEPS[name] for name in KEEPS if name not in passed and getattr(patient, name)), ""
    )


def old_record(patient: Any, rules: RetentionRules, today: date) -> OldRecord | None:
    """Return the record if its years are over on that day."""
    last_on = patient.last_at.astimezone(patient.tz).date()
    deceased = patient.status == Patient.Status.DECEASED
    kind = kind_of(born_on=patient.birth_date, last_on=last_on, deceased=deceased)
    due = due_on(kind=kind, born_on=patient.birth_date, last_on=last_on, years=rules.years)
    if due > today:
        return None
    return OldRecord(patient, kind, last_on, due, why_kept(patient))


def old_records(rules: RetentionRules, now: datetime) -> list[OldRecord]:
    """Return the clinic's records whose years are over, the oldest first.

    One that a signed decision will remove already is left out.
    """
    waiting = ErasureItem.objects.filter(
        patient_id=OuterRef("pk"), state=ErasureItem.State.WAITING, decision__withdrawn_at=None
    )
    # Whoever came later cannot be old enough; a day more for the zones.
    latest = birthday(now.date(), -min(rules.years.values())) + timedelta(days=1)
    patients = with_keeps(
        Patient.objects.filter(
            ~Exists(waiting), clinic_id=rules.clinic_id, status__in=OVER,
            registered_at__date__lte=latest,
        )
    )  # fmt: skip
    found = list(_old(patients, rules, now))
    return sorted(found, key=lambda each: (each.due_on, each.patient.reference))


def _old(patients: Any, rules: RetentionRules, now: datetime) -> Iterator[OldRecord]:
    today = now.astimezone(rules.clinic.tz).date()
    for patient in patients:
        if (old := old_record(patient, rules, today)) is not None:
            yield old


def one_record(patient_id: UUID, rules: RetentionRules, now: datetime) -> OldRecord | None:
    """Return one patient's record if its years are over."""
    patients = with_keeps(Patient.objects.filter(pk=patient_id, clinic_id=rules.clinic_id))
    return next(_old(patients, rules, now), None)
