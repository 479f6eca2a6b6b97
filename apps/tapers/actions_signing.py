"""Writes about signing: who signed which version, and the plan put in force by it."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.patients.models import SPECIALIST_FLAGS, Patient, RiskProfile
from apps.tapers.models import (
    Agreement,
    Enactment,
    PlanVersion,
    Signature,
    SpecialistSignOff,
    TaperPlan,
)
from apps.tapers.stopping import AbruptStopError, check_no_abrupt_stop
from apps.tapers.supply_actions import look_again

MINIMUM_AGE: Final = 18
Meaning = Signature.Meaning


class ActivationError(ValueError):
    """Why a plan may not be signed or activated; the text is for the prescriber."""

    def __init__(self, text: str, field: str | None = None) -> None:
        """Say what stands in the way and which field of the form would help."""
        super().__init__(text)
        self.field = field


@dataclass(frozen=True, slots=True)
class Signing:
    """How the signer proved who they are, and why a fall above the limit is right."""

    method: str
    breach_reason: str = ""


@dataclass(frozen=True, slots=True)
class SpecialistWord:
    """What a named specialist said, as the prescriber writes it down."""

    name: str
    role: str
    signed_on: date
    text: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """What has to be on record, besides signatures, before a plan starts."""

    agreed_on: date | None
    agreed_how: str
    care_level_note: str = ""
    specialist: SpecialistWord | None = None


def specialist_reasons(plan: TaperPlan, day: date) -> list[str]:
    """Return why a named specialist must sign off first (guideline invariant 6)."""
    risk: RiskProfile = plan.patient.risk
    reasons = {
        "the drug is taken for epilepsy or there were seizures": risk.epilepsy
        or plan.patient.medication.is_for_epilepsy,
        "the patient is pregnant": risk.pregnancy_known,
        "the supply is from the street": risk.street_supply,
        "the patient is under 18": plan.patient.age_on(day) < MINIMUM_AGE,
    }
    return [why for why, applies in reasons.items() if applies]


def check_can_sign(plan: TaperPlan, signing: Signing, approvals: Approvals, day: date) -> None:
    """Raise `ActivationError` with what stands in the way, if anything does.

    Sources: guideline.md invariants 3 and 6 (pace; named specialist for epilepsy,
    pregnancy, under 18 and street supply), ASAM-06 (decided with the patient) and
    triage.md section 4 (a high tier needs a documented level of care).
    """
    if plan.status != TaperPlan.Status.DRAFT:
        raise ActivationError(f"This plan is {plan.get_status_display().lower()} already.")
    if TaperPlan.objects.active().filter(patient_id=plan.patient_id).exists():
        raise ActivationError("This patient has an active plan. End it before you start another.")
    check_nothing_due(plan, plan.latest, day)
    check_intake_asked(plan.patient)
    check_version_stops_nothing(plan, plan.latest, day)
    check_breach_reason(plan.latest, signing)
    for why in specialist_reasons(plan, day):
        if approvals.specialist is None:
            raise ActivationError(
                f"A named specialist must sign this plan off first, because {why}.",
                "specialist_name",
            )
    if plan.patient.risk.tier == RiskProfile.Tier.HIGH and not approvals.care_level_note.strip():
        raise ActivationError(
            "This patient's seizure risk is high. "
            "Write why outpatient care is right before you start.",
            "care_level_note",
        )
    if approvals.agreed_on is None or not approvals.agreed_how:
        raise ActivationError(
            "Write down when and how the patient agreed to this plan.", "agreed_on"
        )


def check_intake_asked(patient: Patient) -> None:
    """Raise `ActivationError` while a question that may call a specialist was not asked."""
    missing = [flag for flag in SPECIALIST_FLAGS if getattr(patient.risk, flag) is None]
    if patient.medication.is_for_epilepsy and "epilepsy" in missing:
        missing.remove("epilepsy")
    if missing:
        words = ", ".join(str(RiskProfile._meta.get_field(f).verbose_name) for f in missing)
        raise ActivationError(
            f"The intake does not say yet: {words}. Ask first; not asked is not a no."
        )


def check_nothing_due(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` when a cut is due already: a signature never lowers a dose."""
    due = version.steps.filter(number__gt=plan.begun_step, cut_pct__gt=0, start_on__lte=day)
    if due.exists():
        raise ActivationError("The first cut of this plan is due already. Make it from today.")


def check_version_stops_nothing(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` for a version that would stop the medicine at once.

    It was asked when the version was made; the intake may say something else since.
    """
    begun = plan.begun_step if plan.status == TaperPlan.Status.ACTIVE else 0
    try:
        check_no_abrupt_stop(plan.patient, version.steps.all(), day, after=begun)
    except AbruptStopError as error:
        raise ActivationError(str(error)) from error


def check_breach_reason(version: PlanVersion, signing: Signing) -> None:
    """Raise `ActivationError` when a fall above the limit has no reason in words."""
    if version.needs_second and not signing.breach_reason.strip():
        message = version.blocking[-1]["message"] if version.blocking else ""
        raise ActivationError(
            f"This plan falls faster than the guideline allows. {message}".strip(),
            "breach_reason",
        )


@transaction.atomic
def sign_plan(
    *, plan: TaperPlan, signing: Signing, approvals: Approvals, by: User, now: datetime
) -> TaperPlan:
    """Sign a draft with what must be on record, and put it in force when that is enough.

    A plan that falls too fast stays a draft until a second prescriber signs. Signature,
    approvals, activation and audit row are saved together or not at all; signing again
    changes nothing. Raises `ActivationError` with the reason it may not be.
    """
    plan = locked(plan)
    version = plan.latest
    if version.signatures.filter(signer=by, meaning=Meaning.PRESCRIBE).exists():
        return plan
    day = now.astimezone(plan.patient.tz).date()
    check_can_sign(plan, signing, approvals, day)
    keep_approvals(plan, approvals, day, by, now)
    add_signature(version, Meaning.PRESCRIBE, signing, by, now)
    if version.needs_second:
        return plan
    return start(plan, version, by, now)


@transaction.atomic
def sign_second(*, version: PlanVersion, signing: Signing, by: User, now: datetime) -> TaperPlan:
    """Sign as the second prescriber a version that falls too fast, and put it in force.

    All or nothing; signing again changes nothing. Raises `ActivationError` for the
    person who signed first, a version nobody signed or replaced since, and one whose
    next cut is due already: nobody is to lose a dose at once by a late signature.
    """
    plan = locked(version.plan)
    if version.signatures.filter(signer=by, meaning=Meaning.SECOND).exists():
        return plan
    day = now.astimezone(plan.patient.tz).date()
    check_can_sign_second(plan, version, by, day)
    add_signature(version, Meaning.SECOND, signing, by, now)
    if plan.status == TaperPlan.Status.DRAFT:
        return start(plan, version, by, now)
    put_in_force(plan, version, by, now)
    release_holds(plan, version.reason, by, now)
    return plan


def check_can_sign_second(plan: TaperPlan, version: PlanVersion, by: User, day: date) -> None:
    """Raise `ActivationError` with what stands in the way of a second signature."""
    first = version.signatures.filter(meaning=Meaning.PRESCRIBE).first()
    if first is None or not version.needs_second:
        raise ActivationError("This version does not wait for a second signature.")
    if first.signer_id == by.pk:
        raise ActivationError("The second signature must be another person's.")
    if plan.latest.pk != version.pk or version.signatures.filter(meaning=Meaning.SECOND).exists():
        raise ActivationError("There is a newer version. Open the plan and look again.")
    if plan.status not in (TaperPlan.Status.DRAFT, TaperPlan.Status.ACTIVE):
        raise ActivationError(f"This plan is {plan.get_status_display().lower()} already.")
    waiting = TaperPlan.objects.active().filter(patient_id=plan.patient_id).exclude(pk=plan.pk)
    if waiting.exists():
        raise ActivationError("This patient has an active plan. End it before you start another.")
    check_nothing_due(plan, version, day)
    check_version_stops_nothing(plan, version, day)


def can_sign_second(plan: TaperPlan, version: PlanVersion, by: User, day: date) -> bool:
    """Answer whether `by` may give the second signature."""
    try:
        check_can_sign_second(plan, version, by, day)
    except ActivationError:
        return False
    return True


def locked(plan: TaperPlan) -> TaperPlan:
    """Lock patient and plan, in this order everywhere, and return the plan as it is now."""
    Patient.objects.select_for_update().get(pk=plan.patient_id)
    return (
        TaperPlan.objects.select_for_update(of=("self",))
        .select_related("patient__risk", "patient__medication", "in_force")
        .get(pk=plan.pk)
    )


def keep_approvals(
    plan: TaperPlan, approvals: Approvals, day: date, by: User, now: datetime
) -> None:
    """Save agreement, sign-off and note; part of the caller's transaction and audit row."""
    plan.care_level_note = approvals.care_level_note
    plan.save(update_fields=["care_level_note"])
    Agreement.objects.create(
        plan=plan, agreed_on=approvals.agreed_on, how=approvals.agreed_how,
        recorded_at=now, recorded_by=by,
    )  # fmt: skip
    word = approvals.specialist
    if word is not None:
        SpecialistSignOff.objects.create(
            plan=plan, name=word.name, role=word.role, signed_on=word.signed_on, text=word.text,
            because=specialist_reasons(plan, day), recorded_at=now, recorded_by=by,
        )  # fmt: skip


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


def release_holds(plan: TaperPlan, reason: str, by: User, now: datetime) -> int:
    """Release every open hold: a person has decided. Return how many there were."""
    return plan.holds.open().update(released_at=now, released_by=by, release_reason=reason)
