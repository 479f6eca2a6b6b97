"""Versions that one prescriber has signed and a second has not. Reads only."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import models
from django.db.models import Exists, Min, OuterRef

from apps.tapers.models import PlanVersion, Signature, TaperPlan

Status = TaperPlan.Status
Meaning = Signature.Meaning


def is_waiting(plan: TaperPlan, version: PlanVersion) -> bool:
    """Answer whether a plan's latest version has one signature of two."""
    if plan.status not in (Status.DRAFT, Status.ACTIVE) or not version.needs_second:
        return False
    return {row.meaning for row in version.signatures.all()} == {Meaning.PRESCRIBE}


def one_signature_of_two() -> models.QuerySet[PlanVersion]:
    """Return the latest versions of plans that a second prescriber has yet to sign."""
    newer = PlanVersion.objects.filter(plan=OuterRef("plan"), number__gt=OuterRef("number"))
    second = Signature.objects.filter(version=OuterRef("pk"), meaning=Meaning.SECOND)
    return (
        PlanVersion.objects.filter(
            plan__status__in=(Status.DRAFT, Status.ACTIVE),
            needs_second=True,
            signatures__meaning=Meaning.PRESCRIBE,
        )
        .exclude(Exists(newer))
        .exclude(Exists(second))
    )


def versions_waiting(clinic_id: UUID) -> list[PlanVersion]:
    """Return the clinic's versions that wait for a second prescriber, the longest first."""
    rows = (
        one_signature_of_two()
        .filter(plan__clinic_id=clinic_id)
        .select_related("plan__patient", "created_by")
        .prefetch_related("signatures__signer")
    )
    return list(rows.order_by("signatures__signed_at"))


def waiting_since(patient_ids: Iterable[UUID]) -> dict[UUID, datetime]:
    """Return since when a version waits for a second signature, by patient, in one query."""
    rows = one_signature_of_two().filter(plan__patient_id__in=list(patient_ids))
    found = rows.values_list("plan__patient_id", Min("signatures__signed_at"))
    return dict(found)


def overtaken(plan: TaperPlan, versions: Sequence[PlanVersion]) -> PlanVersion | None:
    """Return the version that waited when the latest decision was made, None for none.

    Nothing is lost silently: the plan page says what became of it, until another decision
    is made. Versions come in order, with their signatures.
    """
    if plan.status != Status.ACTIVE or len(versions) < 2:
        return None
    before = versions[-2]
    signed = {row.meaning for row in before.signatures.all()}
    return before if before.needs_second and signed == {Meaning.PRESCRIBE} else None
