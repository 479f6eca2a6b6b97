"""Versions that one prescriber has signed and a second has not. Reads only."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Exists, OuterRef

from apps.tapers.models import PlanVersion, Signature, TaperPlan

Status = TaperPlan.Status
Meaning = Signature.Meaning


def is_waiting(plan: TaperPlan, version: PlanVersion) -> bool:
    """Answer whether a plan's latest version has one signature of two."""
    if plan.status not in (Status.DRAFT, Status.ACTIVE) or not version.needs_second:
        return False
    return {row.meaning for row in version.signatures.all()} == {Meaning.PRESCRIBE}


def versions_waiting(clinic_id: UUID) -> list[PlanVersion]:
    """Return the clinic's versions that wait for a second prescriber, the longest first."""
    newer = PlanVersion.objects.filter(plan=OuterRef("plan"), number__gt=OuterRef("number"))
    second = Signature.objects.filter(version=OuterRef("pk"), meaning=Meaning.SECOND)
    rows = (
        PlanVersion.objects.filter(
            plan__clinic_id=clinic_id,
            plan__status__in=(Status.DRAFT, Status.ACTIVE),
            needs_second=True,
            signatures__meaning=Meaning.PRESCRIBE,
        )
        .exclude(Exists(newer))
        .exclude(Exists(second))
        .select_related("plan__patient", "created_by")
        .prefetch_related("signatures__signer")
    )
    return list(rows.order_by("signatures__signed_at"))


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
