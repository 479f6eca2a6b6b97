"""Writes about signing: who signed which version, and the plan put in force by it."""

from datetime import datetime

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.patients.models import Patient
from apps.tapers.approvals import (
    Approvals,
    SpecialistWord,
    check_agreed,
    check_care_level,
    check_specialist,
    keep_approvals,
    keep_sign_off,
)
from apps.tapers.leaving import why_not_start
from apps.tapers.models import Enactment, PlanVersion, Signature, TaperPlan
from apps.tapers.signable import (
    ActivationError,
    Meaning,
    Seen,
    Signing,
    check_breach_reason,
    check_can_sign,
    check_can_sign_second,
    check_is_seen,
)
from apps.tapers.supply_actions import look_again


@transaction.atomic
def sign_plan(
    *, plan: TaperPlan, seen: Seen, signing: Signing, approvals: Approvals, by: User,
    now: datetime,
) -> TaperPlan:  # fmt: skip
    """Sign the draft that was `seen`, and put it in force when that is enough.

    A plan that falls too fast stays a draft until a second prescriber signs. Signature,
    approvals, activation and audit row are saved together or not at all; signing again
    changes nothing. Raises `ActivationError` with the reason it may not be, and
    `StaleVersionError` where the draft is another than the one seen.
    """
    plan = locked(plan)
    if is_signed_by(plan, seen, Meaning.PRESCRIBE, by):
        return plan
    version, day = plan.latest, now.astimezone(plan.patient.tz).date()
    check_is_seen(version, seen)
    check_can_sign(plan, version, day)
    check_breach_reason(version, signing)
    check_agreed(approvals, plan.created_at, plan.patient, day, is_needed=True)
    check_care_level(plan.patient, approvals)
    check_can_start(plan.patient, now)
    check_specialist(plan, approvals.specialist, [by], day)
    plan.care_level_note = approvals.care_level_note
    plan.save(update_fields=["care_level_note"])
    keep_approvals(version, approvals, day, by, now)
    add_signature(version, Meaning.PRESCRIBE, signing, by, now)
    if version.needs_second:
        return plan
    return start(plan, version, by, now)


@transaction.atomic
def sign_second(
    *, plan: TaperPlan, seen: Seen, signing: Signing, by: User, now: datetime,
    specialist: SpecialistWord | None = None,
) -> TaperPlan:  # fmt: skip
    """Sign the version that was `seen` as its second prescriber, and put it in force.

    All or nothing; signing again changes nothing. A hold that came after the first
    signature stays: whoever signed first knew nothing of it. Raises `StaleVersionError`
    where another version waits than the one seen, and `ActivationError` for the person
    who signed first and a version that no longer fits: nobody is to lose a dose at once
    by a late signature.
    """
    plan = locked(plan)
    if is_signed_by(plan, seen, Meaning.SECOND, by):
        return plan
    version, day = plan.latest, now.astimezone(plan.patient.tz).date()
    check_is_seen(version, seen)
    check_can_sign_second(plan, version, by, day)
    first = version.signatures.get(meaning=Meaning.PRESCRIBE)
    check_specialist(plan, specialist, [by, first.signer], day)
    keep_sign_off(version, specialist, day, by, now)
    add_signature(version, Meaning.SECOND, signing, by, now)
    if plan.status == TaperPlan.Status.DRAFT:
        check_can_start(plan.patient, now)
        return start(plan, version, by, now)
    put_in_force(plan, version, by, now)
    release_holds(plan, version.reason, by, now, known_at=first.signed_at)
    return plan


def check_can_start(patient: Patient, now: datetime) -> None:
    """Raise `ActivationError` with what another app has against a start: the level of care."""
    why = why_not_start(patient, now)
    if why:
        raise ActivationError(why)


def is_signed_by(plan: TaperPlan, seen: Seen, meaning: str, by: User) -> bool:
    """Answer whether this very signature is stored: a form sent twice signs once."""
    version = plan.versions.filter(number=seen.number, content_hash=seen.content_hash).first()
    return version is not None and version.signatures.filter(signer=by, meaning=meaning).exists()


def locked(plan: TaperPlan) -> TaperPlan:
    """Lock patient and plan, in this order everywhere, and return the plan as it is now."""
    Patient.objects.select_for_update(no_key=True).get(pk=plan.patient_id)
    return (
        TaperPlan.objects.select_for_update(of=("self",))
        .select_related("patient__risk", "patient__medication", "in_force")
        .get(pk=plan.pk)
    )


def add_signature(
    version: PlanVersion, meaning: str, signing: Signing, by: User, now: datetime
) -> Signature:
    """Save a signature over the content as it is stored, with an audit row."""
    signature = Signature.objects.create(
        version=version,
        signer=by,
        meaning=meaning,
        method=signing.method,
        signed_at=now,
        content_hash=version.content_hash,
        breach_reason=signing.breach_reason,
    )
    record(
        "plan.signed",
        by=by,
        now=now,
        clinic_id=version.plan.clinic_id,
        patient_id=version.plan.patient_id,
        obj=version.plan,
        version=version.number,
        meaning=str(meaning),
        content_hash=version.content_hash,
    )
    return signature


def start(plan: TaperPlan, version: PlanVersion, by: User, now: datetime) -> TaperPlan:
    """Make a draft the active plan; part of the caller's transaction."""
    plan.status, plan.activated_at, plan.activated_by = TaperPlan.Status.ACTIVE, now, by
    put_in_force(plan, version, by, now, "status", "activated_at", "activated_by")
    record(
        "plan.activated",
        by=by,
        now=now,
        clinic_id=plan.clinic_id,
        patient_id=plan.patient_id,
        obj=plan,
        content_hash=version.content_hash,
    )
    return plan


def put_in_force(
    plan: TaperPlan, version: PlanVersion, by: User, now: datetime, *fields: str
) -> None:
    """Let the plan follow a signed version from now on; PostgreSQL refuses an unsigned one."""
    Enactment.objects.create(version=version, at=now, by=by)
    plan.in_force = version
    plan.save(update_fields=["in_force", *fields])
    look_again(plan, now)


def release_holds(
    plan: TaperPlan, reason: str, by: User, now: datetime, *, known_at: datetime | None = None
) -> int:
    """Release the open holds that whoever decided knew of at `known_at`; return how many."""
    holds = plan.holds.open().filter(opened_at__lte=known_at or now)
    return holds.update(released_at=now, released_by=by, release_reason=reason)
