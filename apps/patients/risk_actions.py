"""Writes of the seizure-risk tier: computed anew whenever what it rests on changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from apps.clinical.regimen import Taken, risk_value_mg, whole_months
from apps.clinical.risk import RiskFacts, RiskResult, seizure_risk_tier
from apps.clinical.threshold_drugs import threshold_drugs_in
from apps.patients.frequency import days_before, most_days_told
from apps.patients.models import FACTOR_OF, Patient, RiskProfile
from apps.patients.models.medicine import SlotDoses

TIERS: Final[list[str]] = [RiskProfile.Tier.LOW, RiskProfile.Tier.MODERATE, RiskProfile.Tier.HIGH]
# Asked with a patient's id: whether their tier may not fall now. Apps above add theirs at start.
TierGuard = Callable[[UUID], bool]
TIER_GUARDS: list[TierGuard] = []


@dataclass(frozen=True, slots=True)
class Given:
    """How the medicine was given of late, or told as taken elsewhere than on the intake.

    Days a week, whole months, and in words who says so: none where nobody does.
    """

    days_per_week: int
    months: int
    words: str = ""


# Asked with a patient and a day: what was given or told until then. Apps above add theirs.
GivenReader = Callable[[Patient, date], Given]
GIVEN_READERS: list[GivenReader] = []


def register_given_reader(reader: GivenReader) -> None:
    """Ask this reader, too, how often and how long it was given. Registering twice is once."""
    if reader not in GIVEN_READERS:
        GIVEN_READERS.append(reader)


# Asked with a patient: the names of what the clinic gives beside the taper now. Apps above add
# theirs.
MedicineReader = Callable[[Patient], list[str]]
MEDICINE_READERS: list[MedicineReader] = []


def register_medicine_reader(reader: MedicineReader) -> None:
    """Ask this reader, too, which medicines are given. Registering twice is once."""
    if reader not in MEDICINE_READERS:
        MEDICINE_READERS.append(reader)


def register_tier_guard(guard: TierGuard) -> None:
    """Ask this guard, too, before a tier falls. Registering twice is once."""
    if guard not in TIER_GUARDS:
        TIER_GUARDS.append(guard)


# Told of a patient, and when, whenever the tier was computed anew. Apps above add theirs.
RiskListener = Callable[[Patient, datetime], None]
RISK_LISTENERS: list[RiskListener] = []


def register_risk_listener(listener: RiskListener) -> None:
    """Tell this listener, too, when a tier was computed anew. Registering twice is once."""
    if listener not in RISK_LISTENERS:
        RISK_LISTENERS.append(listener)


def regimen_of(patient: Patient) -> list[Taken]:
    """Return everything the patient takes of these drugs, the one to be tapered first.

    As the intake says it: days and months are those of the day on which they were told.
    """
    further = [medicine.taken for medicine in patient.further_medicines.all()]
    return [patient.medication.taken, *further]


def regimen_on(patient: Patient, day: date) -> list[Taken]:
    """Return the same as it is on a later day: the months since they were told are added.

    What the clinic itself gave, and what a unit or use that began again told, counts for the
    drug to be tapered: never fewer days a week, and never fewer months, than that [proposal].
    Days a week that the intake told before count until a prescriber corrects them (ADR 76).
    After the last dose no month is added.
    """
    end, told = min(day, patient.last_dose_on or day), most_days_told(patient)
    main, *further = (
        replace(
            row.taken,
            months=row.taken_months + whole_months(told_on(patient, row), end),
            days_per_week=max(
                row.days_per_week, days_before(told, row, is_main=row is patient.medication)
            ),
        )
        for row in (patient.medication, *patient.further_medicines.all())
    )
    for given in given_until(patient, day):
        main = replace(
            main,
            days_per_week=max(main.days_per_week, given.days_per_week),
            months=max(main.months, given.months),
        )
    return [main, *further]


def given_until(patient: Patient, day: date) -> list[Given]:
    """Return what every reader knows of the drug to be tapered until this day."""
    return [reader(patient, day) for reader in GIVEN_READERS]


def told_on(patient: Patient, row: SlotDoses) -> date:
    """Return the day on which a medicine's months were told: at registration unless said since."""
    return row.months_told_on or patient.registered_at.astimezone(patient.tz).date()


def months_told_on(patient: Patient, told: Mapping[str, Any], today: date) -> date:
    """Return the day of which the months of a medicine are, as `told` is to be saved now.

    The same months are no new word: they keep the day on which they were told of this drug,
    wherever it stood in the list, and whatever its dose. Others are of today.
    """
    rows = (patient.medication, *patient.further_medicines.all())
    same = [
        told_on(patient, row)
        for row in rows
        if (row.drug_id, row.taken_months) == (told["drug_id"], told["taken_months"])
    ]
    return min(same, default=today)


def threshold_drugs(patient: Patient, risk: RiskProfile) -> int | None:
    """Return how many drugs that lower the seizure threshold are taken; None when nobody asked.

    Those of the intake and those that the clinic itself gives: one in both counts once.
    """
    given = [name for reader in MEDICINE_READERS for name in reader(patient)]
    found = threshold_drugs_in("\n".join([risk.other_medicines, *given]))
    return len(found) if risk.other_medicines_asked or found else None


def assess_risk(patient: Patient, risk: RiskProfile, today: date) -> RiskResult:
    """Return the tier with its reasons, from apps.clinical.risk. What was not asked adds nothing.

    A benzodiazepine first prescribed for epilepsy counts as epilepsy (risk_factors.csv). Months
    of use are those of `today`, as for the likelihood of dependence.
    """
    medication, months = patient.medication, regimen_on(patient, today)[0].months
    flags: dict[str, Any] = {factor: getattr(risk, flag) for flag, factor in FACTOR_OF.items()}
    if medication.is_for_epilepsy:
        flags["epilepsy_or_other_seizure"] = True
    return seizure_risk_tier(
        RiskFacts(
            drug_id=medication.drug_id,
            daily_mg=medication.daily_mg,
            risk_value_dze_mg=risk_value_mg(regimen_of(patient)),
            use_months=int(months),
            age=patient.age_on(today),
            threshold_drugs=threshold_drugs(patient, risk),
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
    for listener in RISK_LISTENERS:
        listener(patient, now)
