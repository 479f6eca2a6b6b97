"""Writes of what a clinic decided about check-ins."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.checkins.models import CheckInPolicy, policy_of
from apps.patients.models import Clinic


class PolicyChangedError(ValueError):
    """Somebody else saved other decisions meanwhile; the text is for the reader."""


@transaction.atomic
def set_policy(
    *, clinic: Clinic, values: dict[str, Any], version: int, by: User, now: datetime
) -> CheckInPolicy:
    """Store the clinic's decisions; `version` is the one that the reader looked at.

    The same values again change nothing. Raises `PolicyChangedError` when somebody else
    has saved other ones since. Audited with the old and the new values.
    """
    Clinic.objects.select_for_update().get(pk=clinic.pk)  # there may be no policy row to lock
    policy = policy_of(clinic.pk)
    before = {name: getattr(policy, name) for name in values}
    if before == values:
        return policy
    if policy.version != version:
        raise PolicyChangedError(
            "Somebody else changed these decisions while you had the page open. What is in force "
            "now stands beside each field; save again to replace it."
        )
    for name, value in values.items():
        setattr(policy, name, value)
    policy.version += 1
    policy.save()
    record(
        "check_in_policy.changed", by=by, now=now, clinic_id=clinic.pk, version=policy.version,
        before=as_words(before), after=as_words(values),
    )  # fmt: skip
    return policy


def as_words(values: dict[str, Any]) -> dict[str, str]:
    """Return decisions as the audit row keeps them."""
    return {name: str(value) for name, value in values.items()}
