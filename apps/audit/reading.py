"""The audit record of one patient: what names them alone, and the lists that showed them."""

from uuid import UUID

from apps.audit.models import AuditEvent
from apps.database.scope import every_clinic


def rows_about(
    patient_id: UUID, clinic_id: UUID, *, at_most: int | None = None, before: int | None = None
) -> list[AuditEvent]:
    """Return a clinic's rows about one patient, newest first. Two queries.

    By whom a list showed PostgreSQL enters an index only where no policy stands before it. So
    the keys are looked up past the wall between clinics, by the clinic they ask for, and the
    rows are read from this side of it (docs/adr/0041).
    """
    wanted = AuditEvent.objects.filter(clinic_id=clinic_id).about(patient_id)
    if before is not None:
        wanted = wanted.filter(pk__lt=before)
    with every_clinic():
        keys = list(wanted.order_by("-pk").values_list("pk", flat=True)[:at_most])
    return list(AuditEvent.objects.filter(pk__in=keys).order_by("-pk"))
