"""What a clinical lead decides about records: years, legal holds, and signed removals."""

import hashlib
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.patients.models import Clinic, Patient
from apps.retention.due import OldRecord, old_records
from apps.retention.models import (
    ErasureDecision,
    ErasureItem,
    LegalHold,
    RetentionRules,
    rules_of,
)
from apps.retention.rules import Kind

# Nobody can take a removal back once it has begun: a week to find a mistake [proposal].
BEGINS_AFTER: Final = timedelta(days=7)
AT_ONCE: Final = 100  # records of one decision: as many as somebody can look through


class RetentionError(ValueError):
    """Why it is not done; the text is for the reader."""


@transaction.atomic
def set_rules(
    *, clinic: Clinic, years: Mapping[Kind, int], version: int, by: User, now: datetime
) -> RetentionRules:
    """Store the years per kind of record; `version` is the one the reader looked at, 0 for none.

    The same years again change nothing. Decisions that are signed already keep the years they
    were signed with, and are judged once more by the new ones before anything goes. Raises
    `RetentionError` when somebody else has saved others since.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=clinic.pk)
    rules = rules_of(clinic.pk)
    before = {} if rules is None else {str(k): v for k, v in rules.years.items()}
    after = {str(kind): number for kind, number in years.items()}
    if rules is not None and before == after:
        return rules
    if version != (rules.version if rules else 0):
        raise RetentionError(
            "Somebody else changed these years while you had the page open. Look at them, then "
            "save again."
        )
    rules, _ = RetentionRules.objects.update_or_create(
        clinic=clinic,
        defaults={
            **{f"{kind}_years": number for kind, number in after.items()},
            "version": version + 1, "changed_at": now, "changed_by": by,
        },
    )  # fmt: skip
    record(
        "retention_rules.changed", by=by, now=now, clinic_id=clinic.pk, version=rules.version,
        before=before, after=after,
    )  # fmt: skip
    return rules


@transaction.atomic
def set_hold(*, patient: Patient, reason: str, by: User, now: datetime) -> LegalHold:
    """Keep a record whatever its age, from now on. One in force already is returned as it is."""
    Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    if (present := LegalHold.objects.in_force().filter(patient=patient).first()) is not None:
        return present
    hold = LegalHold.objects.create(
        clinic_id=patient.clinic_id, patient=patient, reason=reason, set_at=now, set_by=by
    )
    record(
        "legal_hold.set", by=by, now=now, clinic_id=hold.clinic_id, patient_id=patient.pk, obj=hold
    )
    return hold


@transaction.atomic
def end_hold(*, hold: LegalHold, reason: str, by: User, now: datetime) -> LegalHold:
    """End a legal hold; the record's years count again. Ending it twice changes nothing."""
    Patient.objects.select_for_update(no_key=True).get(pk=hold.patient_id)
    hold = LegalHold.objects.get(pk=hold.pk)
    if hold.ended_at is None:
        hold.ended_at, hold.ended_by, hold.end_reason = now, by, reason
        hold.save(update_fields=["ended_at", "ended_by", "end_reason"])
        record(
            "legal_hold.ended", by=by, now=now, clinic_id=hold.clinic_id,
            patient_id=hold.patient_id, obj=hold,
        )  # fmt: skip
    return hold


@transaction.atomic
def sign_erasure(
    *, rules: RetentionRules, patient_ids: Collection[UUID], note: str, method: str, by: User,
    now: datetime,
) -> ErasureDecision:  # fmt: skip
    """Store the signed decision that these records go, a week from now.

    Raises `RetentionError` unless each of them is on the list of what may go at this moment:
    what was signed is what was shown.
    """
    Clinic.objects.select_for_update(no_key=True).get(pk=rules.clinic_id)
    may_go = {old.patient.pk: old for old in old_records(rules, now) if not old.why_kept}
    chosen = [may_go[key] for key in dict.fromkeys(patient_ids) if key in may_go]
    if len(chosen) != len(set(patient_ids)):
        raise RetentionError("The list has changed since you opened this page. Look at it again.")
    if not 0 < len(chosen) <= AT_ONCE:
        raise RetentionError(f"Choose between 1 and {AT_ONCE} records.")
    years = {str(kind): number for kind, number in rules.years.items()}
    decision = ErasureDecision.objects.create(
        clinic_id=rules.clinic_id, note=note, rules=years, signed_at=now, signed_by=by,
        method=method, content_hash=hash_of(chosen, years), begins_at=now + BEGINS_AFTER,
    )  # fmt: skip
    ErasureItem.objects.bulk_create(
        ErasureItem(
            decision=decision, patient_id=old.patient.pk, reference=old.patient.reference,
            kind=old.kind.value, due_on=old.due_on,
        )
        for old in chosen
    )  # fmt: skip
    record(
        "record.erasure_signed", by=by, now=now, clinic_id=rules.clinic_id, obj=decision,
        records=len(chosen), content_hash=decision.content_hash,
    )  # fmt: skip
    return decision


def hash_of(chosen: Collection[OldRecord], years: Mapping[str, int]) -> str:
    """Return the SHA-256 of what is signed: which records, why each is due, by which years."""
    said = [[str(old.patient.pk), old.kind.value, old.due_on.isoformat()] for old in chosen]
    written = json.dumps([sorted(said), dict(years)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()


@transaction.atomic
def withdraw_erasure(*, decision: ErasureDecision, by: User, now: datetime) -> ErasureDecision:
    """Take a signed removal back before it begins; safe to repeat.

    Raises `RetentionError` once it has begun.
    """
    decision = ErasureDecision.objects.select_for_update().get(pk=decision.pk)
    if decision.withdrawn_at is None:
        if not decision.can_be_withdrawn(now):
            raise RetentionError("It has begun: what is removed cannot be brought back.")
        decision.withdrawn_at, decision.withdrawn_by = now, by
        decision.save(update_fields=["withdrawn_at", "withdrawn_by"])
        record(
            "record.erasure_withdrawn", by=by, now=now, clinic_id=decision.clinic_id, obj=decision
        )
    return decision
