"""The one act: take rows without identities out of a clinic, on record for each patient in them."""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record_shown
from apps.patients.models import Clinic
from apps.research.archive import Export, research_export
from apps.research.collecting import standing


@transaction.atomic
def take_research_export(
    *, clinic: Clinic, purpose: str, approval: str, by: User, now: datetime
) -> Export:
    """Return the archive, and write down who took it, for what and by whose leave.

    The row is in the trail of every patient in it, and says how many were left out: without a yes
    of theirs, held, or because too few are like them. Nothing else is kept: neither the random
    names nor the moved days. Calling it again makes another archive, which shares no name and
    no day with the first. Raises `TooFewError`, and then nothing is written.
    """
    made = research_export(clinic, now.astimezone(clinic.tz).date())
    stands = standing(clinic)
    left_out = {"no_yes": stands.no_yes, "held": stands.held, "too_few_alike": made.left_out}
    record_shown(
        "research.exported", patients=made.patients, by=by, now=now, clinic_id=clinic.pk,
        purpose=purpose, approval=approval, rows=len(made.patients), left_out=left_out,
    )  # fmt: skip
    return made
