"""What has to be on record besides signatures: the patient's agreement, a specialist's word.

Sources: ASAM-06 (decided with the patient), guideline.md invariant 6 (epilepsy, pregnancy,
under 18, street supply: a named specialist), triage.md section 4 (a high tier needs a
documented level of care).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from apps.accounts.models import User
from apps.patients.intake_words import flag_label
from apps.patients.models import Medication, Patient, RiskProfile
from apps.tapers.models import Agreement, PlanVersion, SpecialistSignOff, TaperPlan
from apps.tapers.signable import ActivationError

MINIMUM_AGE: Final = 18
EPILEPSY: Final = "the drug is taken for epilepsy or there were seizures"
PREGNANT: Final = "the patient is pregnant"
STREET: Final = "the supply is from the street"
YOUNG: Final = "the patient is under 18"
# The answer of the intake that each reason follows from; age follows from none.
FLAG_OF: Final = {EPILEPSY: "epilepsy", PREGNANT: "pregnancy_known", STREET: "street_supply"}
# What stands before or after a name and tells nobody apart.
TITLES: Final = frozenset(["dr", "doctor", "prof", "professor", "mr", "mrs", "ms", "md", "phd"])


@dataclass(frozen=True, slots=True)
class SpecialistWord:
    """What a named specialist said, as the prescriber writes it down."""

    name: str
    role: str
    signed_on: date
    text: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """What the signer puts on record; left out, nothing was asked or said."""

    agreed_on: date | None = None
    agreed_how: str = ""
    care_level_note: str = ""
    specialist: SpecialistWord | None = None


def specialist_reasons(plan: TaperPlan, day: date) -> list[str]:
    """Return why a named specialist must sign this plan off (guideline invariant 6)."""
    patient, risk = plan.patient, plan.patient.risk
    reasons = {
        EPILEPSY: risk.epilepsy or patient.medication.is_for_epilepsy,
        PREGNANT: risk.pregnancy_known,
        STREET: risk.street_supply,
        YOUNG: patient.age_on(day) < MINIMUM_AGE,
    }
    return [why for why, applies in reasons.items() if applies]


def not_signed_off(plan: TaperPlan, day: date) -> list[str]:
    """Return those of the reasons that no specialist has looked at.

    A word counts for the reasons that it was given for, until the intake says one anew.
    """
    reasons = specialist_reasons(plan, day)
    if not reasons:
        return []
    last = {why: off.recorded_at for off in plan.sign_offs.all() for why in off.because}
    return [
        why
        for why in reasons
        if why not in last or last[why] < (recorded_at(plan.patient, why) or last[why])
    ]


def recorded_at(patient: Patient, why: str) -> datetime | None:
    """Return when a reason last came into the intake, None when it has been there all along."""
    told = {(flag_label(FLAG_OF[why]), "yes")} if why in FLAG_OF else set()
    if why == EPILEPSY:
        told.add(("First prescribed for", Medication.Reason.EPILEPSY.label))
    for entry in patient.intake_entries.all() if told else ():  # the newest first
        if any((name, after) in told for name, _, after in entry.changes):
            found: datetime = entry.saved_at
            return found
    return None


def check_specialist(
    plan: TaperPlan, word: SpecialistWord | None, signers: Iterable[User], day: date
) -> None:
    """Raise `ActivationError` until a specialist has signed off what the intake says now.

    The specialist is nobody who signs, and speaks of this plan and this patient as they
    are: not before either was written down, and not in the future.
    """
    signers = list(signers)
    for name in [off.name for off in plan.sign_offs.all()] + ([word.name] if word else []):
        if any(is_same_person(name, signer.full_name) for signer in signers):
            raise ActivationError(
                f"{name} is named as the specialist and cannot sign too. The specialist is "
                "another person than those who sign.",
                "specialist_name",
            )
    missing = not_signed_off(plan, day)
    if missing and word is None:
        raise ActivationError(
            f"A named specialist must sign this plan off first, because {missing[0]}.",
            "specialist_name",
        )
    if word is not None:
        check_day(word.signed_on, day, "specialist_on")
        told = [recorded_at(plan.patient, why) for why in missing]
        earliest = max([plan.created_at, *(moment for moment in told if moment)])
        if word.signed_on < earliest.astimezone(plan.patient.tz).date():
            raise ActivationError(
                "The specialist signs off this plan for the patient as they are now: on "
                f"{earliest:%d %b %Y} or later.",
                "specialist_on",
            )


def check_agreed(
    approvals: Approvals, made_at: datetime, patient: Patient, day: date, *, is_needed: bool
) -> None:
    """Raise `ActivationError` for an agreement that is missing where it is needed, or cannot be.

    `made_at` is when the plan was made that the patient agreed to.
    """
    if (approvals.agreed_on is None) != (not approvals.agreed_how) or (
        is_needed and approvals.agreed_on is None
    ):
        field = "agreed_how" if approvals.agreed_on else "agreed_on"
        raise ActivationError("Write down when and how the patient agreed to this plan.", field)
    if approvals.agreed_on is None:
        return
    check_day(approvals.agreed_on, day, "agreed_on")
    made_on = made_at.astimezone(patient.tz).date()
    if approvals.agreed_on < made_on:
        raise ActivationError(
            f"This plan was made on {made_on:%d %b %Y}; the patient agreed to it on that day or "
            "later.",
            "agreed_on",
        )


def check_care_level(patient: Patient, approvals: Approvals) -> None:
    """Raise `ActivationError` while a high risk has no written reason for outpatient care."""
    if patient.risk.tier == RiskProfile.Tier.HIGH and not approvals.care_level_note.strip():
        raise ActivationError(
            "This patient's seizure risk is high. "
            "Write why outpatient care is right before you start.",
            "care_level_note",
        )


def check_day(day: date, today: date, field: str) -> None:
    """Raise `ActivationError` for a day that has not come yet."""
    if day > today:
        raise ActivationError("This day has not come yet.", field)


def is_same_person(one: str, other: str) -> bool:
    """Answer whether two names are one person's, however they are titled and ordered."""
    return name_parts(one) == name_parts(other)


def name_parts(name: str) -> set[str]:
    """Return the words of a name without titles."""
    words = "".join(letter if letter.isalpha() else " " for letter in name.casefold()).split()
    return {word for word in words if word not in TITLES} or set(words)


def keep_approvals(
    version: PlanVersion, approvals: Approvals, day: date, by: User, now: datetime
) -> None:
    """Save agreement and sign-off with the version they are for; part of the caller's act."""
    Agreement.objects.create(
        version=version, agreed_on=approvals.agreed_on, how=approvals.agreed_how,
        recorded_at=now, recorded_by=by,
    )  # fmt: skip
    keep_sign_off(version, approvals.specialist, day, by, now)


def keep_sign_off(
    version: PlanVersion, word: SpecialistWord | None, day: date, by: User, now: datetime
) -> None:
    """Save a specialist's word with what it was needed for; part of the caller's act."""
    if word is not None:
        SpecialistSignOff.objects.create(
            plan=version.plan, version=version, name=word.name, role=word.role,
            signed_on=word.signed_on, text=word.text,
            because=specialist_reasons(version.plan, day), recorded_at=now, recorded_by=by,
        )  # fmt: skip
