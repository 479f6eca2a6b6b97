"""What a program may be let in for, and which right its person must have for it.

A scope only narrows: a program never does what its person may not do on the pages.
"""

from typing import Final

from django.db import models

from apps.patients.models import StaffMember
from apps.patients.permissions import Right, may


class Scope(models.TextChoices):
    """One thing that a clinic opens to a program; the value is what a token carries."""

    PLANS_PREVIEW = "plans.preview", "Work out plans without saving them"
    CHECK_INS_WRITE = "checkins.write", "Send in what a patient answered"
    WORKLIST_READ = "worklist.read", "Read the board"
    ALERTS_READ = "alerts.read", "Read alerts"
    ALERTS_ACT = "alerts.act", "Take and close alerts that its person has seen"
    FHIR_READ = "fhir.read", "Read and search records by FHIR"
    FHIR_WRITE = "fhir.write", "Bring records in by FHIR"


RIGHT_FOR: Final[dict[str, Right]] = {
    Scope.PLANS_PREVIEW: Right.PLAN_TAPERS,
    Scope.CHECK_INS_WRITE: Right.INVITE_TO_CHECK_IN,
    Scope.WORKLIST_READ: Right.SEE_PATIENTS,
    Scope.ALERTS_READ: Right.HANDLE_ALERTS,
    Scope.ALERTS_ACT: Right.HANDLE_ALERTS,
    Scope.FHIR_READ: Right.SEE_PATIENTS,
    Scope.FHIR_WRITE: Right.REGISTER_PATIENTS,
}


def beyond(member: StaffMember, scopes: list[str]) -> list[str]:
    """Return the scopes, in words, for which this person lacks the right."""
    return [Scope(each).label for each in scopes if not may(member, RIGHT_FOR[each])]
