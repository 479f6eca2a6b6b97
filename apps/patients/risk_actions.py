"""Writes of the seizure-risk tier: computed anew whenever what it rests on changes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from apps.clinical.regimen import Taken, risk_value_mg, whole_months
from apps.clinical.risk import RiskFacts, RiskResult, seizure_risk_tier
from apps.patients.models import FACTOR_OF, Patient, RiskProfile, Section

TIERS: Final[list[str]] = [RiskProfile.Tier.LOW, RiskProfile.Tier.MODERATE, RiskProfile.Tier.HIGH]
# Asked with a patient's id: whether their tier may not fall now. Apps above add theirs at start.
TierGuard = Callable[[UUID], bool]
TIER_GUARDS: list[TierGuard] = []


@dataclass(frozen=True, slots=True)
class Given:
    """How the medicine was given of late by the clinic itself: days a week, whole months."""

    days_per_week: int
    months: int


# Asked with a patient and a day: what the clinic itself gave until then. Apps above add theirs.
GivenReader = Callable[[Patient, date], Given]
GIVEN_READERS: list[GivenReader] = []


def register_given_reader(reader: GivenReader) -> None:
    """Ask this reader, too, how often and how long it was given. Registering twice is once."""
    if reader not in GIVEN_READERS:
        GIVEN_READERS.append(reader)


def register_tier_guard(guard: TierGuard) -> None:
    """Ask this guard, too, before a tier falls. Registering twice is once."""
    if guard not in TIER_GUARDS:
        TIER_GUARDS.append(guard)


def regimen_of(patient: Patient) -> list[Taken]:
    """Return everything the patient takes of these drugs, the one to be tapered first.

    As the intake says it: days and months are those of the day on which they were told.
    """
    further = [medicine.taken for medicine in patient.further_medicines.all()]
    return [patient.medication.taken, *further]


def regimen_on(patient: Patient, day: date) -> list[Taken]:
    """Return the same as it is on a later day: the months since they were told are added.

    What the clinic itself gave counts for the drug to be tapered: never fewer days a week,
    and never fewer months, than that [proposal]. After the last dose no month is added.
    """
    end = min(day, patient.last_dose_on or day)
    told = months_told_on(patient)
    labels = ["Taken for", *(f"Drug {n}" for n in range(2, patient.further_medicines.count() + 2))]
    registered = patient.registered_at.astimezone(patient.tz).date()
    main, *further = (
        replace(each, months=each.months + whole_months(told.get(label, registered), end))
        for label, each in zip(labels, regimen_of(patient), strict=True)
    )
    for given in (reader(patient, day) for reader in GIVEN_READERS):
        main = replace(
            main,
            days_per_week=max(main.days_per_week, given.days_per_week),
            months=max(main.months, given.months),
        )
    return [main, *further]


def months_told_on(patient: Patient) -> dict[str, date]:
    """Return the day on which each line of the medicines was last told otherwise than before.

    A dose that changes tells no new duration: the months of a line count from its own change.
    """
    entries = patient.intake_entries.filter(section=Section.MEDICINE).order_by("number")
    return {
        label: saved_at.astimezone(patient.tz).date()
        for saved_at, changes in entries.values_list("saved_at", "changes")
        for label, _, _ in changes
    }


def assess_risk(patient: Patient, risk: RiskProfile, today: date) -> RiskResult:
    """Return the tier with its reasons, from apps.clinical.risk. What was not asked adds nothing.

    A benzodiazepine first prescribed for epilepsy counts as epilepsy (risk_factors.csv).
    """
    medication = patient.medication
    flags: dict[str, Any] = {factor: getattr(risk, flag) for flag, factor in FACTOR_OF.items()}
    if medication.is_for_epilepsy:
        flags["epilepsy_or_other_seizure"] = True
    return seizure_risk_tier(
        RiskFacts(
            drug_id=medication.drug_id,
            daily_mg=medication.daily_mg,
            risk_value_dze_mg=risk_value_mg(regimen_of(patient)),
            use_months=medication.taken_months,
            age=patient.age_on(today),
            threshold_drugs=len(risk.threshold_drugs) if risk.other_medicines_asked else None,
            **flags,
        )
    )


def reassess(patient: Patient, risk: RiskProfile, now: datetime) -> None:
    """Compute the tier and save it with its reasons; part of the caller's transaction.

    A tier never falls while a guard says no (an open alert, triage.md section 4); the
    profile then says that it was kept.
    """
    result = assess_risk(patient, risk, now.astimezone(patient.tz).date())
    falls = bool(risk.tier) and TIERS.index(result.tier) < TIERS.index(risk.tier)
    risk.tier_kept = falls and any(guard(patient.pk) for guard in TIER_GUARDS)
    if not risk.tier_kept:
        risk.tier = result.tier
    risk.tier_points = result.points or 0
    risk.tier_reasons = [
        {"factor": reason.factor, "note": reason.note, "source": reason.source,
         "points": reason.points}
        for reason in result.reasons
    ]  # fmt: skip
    risk.assessed_at = now
    risk.save()
