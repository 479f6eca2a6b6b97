"""What stands in the way of a signature on a version of a plan. Reads only.

The writes are in actions_signing.py; agreement and specialists in approvals.py.
"""

from dataclasses import dataclass
from datetime import date

from apps.accounts.models import User
from apps.patients.errors import FieldError
from apps.patients.models import SPECIALIST_FLAGS, Patient
from apps.tapers.models import PlanVersion, Signature, TaperPlan
from apps.tapers.outdated import outdated
from apps.tapers.stopping import AbruptStopError, check_no_abrupt_stop

Meaning = Signature.Meaning


class ActivationError(FieldError):
    """Why a plan may not be signed or activated; the text is for the prescriber."""


class StaleVersionError(ActivationError):
    """The version that was shown to the signer is not the one that would be signed."""

    def __init__(self, seen: "Seen", latest: PlanVersion) -> None:
        """Keep both, for the page that shows the difference."""
        super().__init__(
            f"Nothing was signed. You were shown version {seen.number}; {latest.created_by} has "
            f"saved version {latest.number} since. Read it, then sign again."
            if seen.number != latest.number
            else "Nothing was signed: this is not what the page showed. Read it, then sign again."
        )
        self.seen, self.latest = seen, latest


@dataclass(frozen=True, slots=True)
class Seen:
    """The version a signer was shown, and the hash of what it said."""

    number: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Signing:
    """How the signer proved who they are, and why a fall above the limit is right."""

    method: str
    breach_reason: str = ""


def check_is_seen(latest: PlanVersion, seen: Seen) -> None:
    """Raise `StaleVersionError` unless the signer was shown exactly this version."""
    if (seen.number, seen.content_hash) != (latest.number, latest.content_hash):
        raise StaleVersionError(seen, latest)


def check_can_sign(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` with what stands in the way of a first plan, if anything does."""
    if plan.status != TaperPlan.Status.DRAFT:
        raise ActivationError(f"This plan is {plan.get_status_display().lower()} already.")
    check_version(plan, version, day)


def check_is_followed(patient: Patient) -> None:
    """Raise `ActivationError` for a patient whom nobody reminds and who is shown no dose."""
    if patient.status != Patient.Status.ACTIVE:
        raise ActivationError(
            f"The patient's status is “{patient.get_status_display().lower()}”: nobody would ask "
            "how they are, and their own page shows no dose. Make them active first."
        )


def check_can_sign_second(plan: TaperPlan, version: PlanVersion, by: User, day: date) -> None:
    """Raise `ActivationError` with what stands in the way of a second signature."""
    signatures = {row.meaning: row for row in version.signatures.select_related("signer")}
    first, second = signatures.get(Meaning.PRESCRIBE), signatures.get(Meaning.SECOND)
    if first is None or not version.needs_second:
        raise ActivationError("This version does not wait for a second signature.")
    if second is not None:
        raise ActivationError(f"{second.signer} has signed this version as second prescriber.")
    if first.signer_id == by.pk:
        raise ActivationError("The second signature must be another person's.")
    if plan.status not in (TaperPlan.Status.DRAFT, TaperPlan.Status.ACTIVE):
        raise ActivationError(f"This plan is {plan.get_status_display().lower()} already.")
    if plan.status == TaperPlan.Status.ACTIVE:
        check_same_past(plan, version)
    check_version(plan, version, day)


def why_not_second(plan: TaperPlan, version: PlanVersion, by: User, day: date) -> str:
    """Return why `by` may not give the second signature, nothing when they may."""
    try:
        check_can_sign_second(plan, version, by, day)
    except ActivationError as error:
        return str(error)
    return ""


def check_version(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` for a version that may not come in force today.

    Sources: guideline.md invariants 3 and 6. It was asked when the version was made; the
    intake, the stock and the day may say something else since.
    """
    others = TaperPlan.objects.active().filter(patient_id=plan.patient_id).exclude(pk=plan.pk)
    if others.exists():
        raise ActivationError("This patient has an active plan. End it before you start another.")
    if plan.status == TaperPlan.Status.DRAFT:
        check_is_followed(plan.patient)
    check_nothing_due(plan, version, day)
    check_intake_asked(plan.patient)
    check_up_to_date(plan, version, day)
    check_version_stops_nothing(plan, version, day)


def check_intake_asked(patient: Patient) -> None:
    """Raise `ActivationError` while a question that may call a specialist was not asked."""
    missing = [flag for flag in SPECIALIST_FLAGS if getattr(patient.risk, flag) is None]
    if patient.medication.is_for_epilepsy and "epilepsy" in missing:
        missing.remove("epilepsy")
    if missing:
        words = ", ".join(patient.risk.question(flag) for flag in missing)
        raise ActivationError(
            f"The intake does not say yet: {words}. Ask first; not asked is not a no."
        )


def check_nothing_due(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` when a cut is due already: a signature never lowers a dose."""
    due = version.steps.filter(number__gt=plan.begun_step, cut_pct__gt=0, start_on__lte=day)
    if due.exists():
        raise ActivationError("The first cut of this plan is due already. Make it from today.")


def check_same_past(plan: TaperPlan, version: PlanVersion) -> None:
    """Raise `ActivationError` when the plan in force has gone on since the version was made.

    Its steps up to today are then not the ones that were taken, and the dose of today
    would change with the signature.
    """
    if plan.in_force is None:
        return
    taken, told = (begun(each, plan.begun_step) for each in (plan.in_force, version))
    if taken != told:
        raise ActivationError(
            "The plan in force has gone on since this version was made: another step has begun. "
            "Make the decision again from today."
        )


def begun(version: PlanVersion, number: int) -> list[tuple[date, object]]:
    """Return the first days and doses of a version's steps up to a number."""
    rows = version.steps.filter(number__lte=number).prefetch_related("pieces")
    return [(step.start_on, step.by_drug) for step in rows]


def check_up_to_date(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` when the intake or the stock says something else by now."""
    found = outdated(plan, version, day)
    if found:
        raise ActivationError(" ".join(found))


def check_version_stops_nothing(plan: TaperPlan, version: PlanVersion, day: date) -> None:
    """Raise `ActivationError` for a version that would stop the medicine at once."""
    begun_step = plan.begun_step if plan.status == TaperPlan.Status.ACTIVE else 0
    try:
        check_no_abrupt_stop(plan.patient, version.steps.all(), day, after=begun_step)
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
