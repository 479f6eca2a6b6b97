"""What is known of a patient from the intake: conditions, answers about risk, what they take.

An answer has three values and keeps them: yes is confirmed, no is refuted, not asked is absent.
"""

from datetime import date
from typing import Any, Final

from apps.detox.leaving import none_said_since_told
from apps.exchange.fhir.codes import concept, drug_concept, hl7, local
from apps.exchange.fhir.elements import (
    Resource,
    extension,
    extensions,
    in_code,
    milligrams,
    moment,
    notes,
    reference,
    resource,
)
from apps.exchange.fhir.record import Record
from apps.patients.frequency import most_days_told
from apps.patients.intake_words import REGULARLY
from apps.patients.models import RISK_FLAGS, FurtherMedicine, Medication, Pattern, RiskProfile
from apps.patients.risk_actions import regimen_on, told_on

# The answers that name an illness; the others are answers and no diagnosis.
ILLNESSES: Final = frozenset(
    {
        "prior_wd_seizure", "prior_wd_delirium", "prior_severe_wd", "epilepsy", "cns_lesion",
        "liver_disease", "electrolyte", "pregnancy_known", "chronic_halluc",
        "psychotic_or_bipolar", "unstable_psychiatric", "heavy_alcohol", "aud", "substance_use",
        "other_sedative",
    }
)  # fmt: skip
NONE_TOLD: Final = "none"
NONE_SAID: Final = "It was said since that nothing of this kind is taken any more."
WHEN: Final = {
    "morning": "MORN", "noon": "NOON", "midday": "NOON", "afternoon": "AFT", "evening": "EVE",
    "bedtime": "HS", "night": "NIGHT",
}  # fmt: skip


def fact_id(record: Record, flag: str) -> str:
    """Return the id of what one answer says."""
    return f"{record.patient.pk}-{in_code(flag)}"


def words_of(flag: str) -> str:
    """Return an answer's question in words."""
    return RiskProfile.question(flag)


def conditions(record: Record) -> list[Resource]:
    """Return why it was prescribed, and each illness asked about: confirmed or refuted."""
    return [*indications(record), *(illness(record, flag) for flag in answered(record, True))]


def answered(record: Record, illnesses: bool) -> list[str]:
    """Return the answers that were given, those that name an illness or the others."""
    if record.risk is None:
        return []
    return [
        flag for flag in RISK_FLAGS
        if getattr(record.risk, flag) is not None and (flag in ILLNESSES) == illnesses
    ]  # fmt: skip


def indications(record: Record) -> list[Resource]:
    """Return why the medicine was first prescribed, if somebody asked."""
    medication = record.medication
    if medication is None or not medication.reason:
        return []
    words = medication.reason_other or medication.get_reason_display()
    return [
        resource(
            "Condition", fact_id(record, "indication"),
            clinicalStatus=concept(hl7("condition-clinical", "active")),
            verificationStatus=concept(hl7("condition-ver-status", "confirmed")),
            code=concept(local("indication", medication.reason, words), text=words),
            subject=reference("Patient", record.patient.pk),
        )
    ]  # fmt: skip


def illness(record: Record, flag: str) -> Resource:
    """Return one answer that names an illness."""
    there = getattr(record.risk, flag)
    status = concept(hl7("condition-clinical", "active")) if there else None
    return resource(
        "Condition", fact_id(record, flag), clinicalStatus=status,
        verificationStatus=concept(
            hl7("condition-ver-status", "confirmed" if there else "refuted")
        ),
        code=concept(local("risk-answer", flag, words_of(flag))),
        subject=reference("Patient", record.patient.pk),
    )  # fmt: skip


def risk_observations(record: Record) -> list[Resource]:
    """Return the answers that are no diagnosis, other medicines told, and the risk tier."""
    profile = record.risk
    if profile is None:
        return []
    found = [
        answer(record, flag, words_of(flag), valueBoolean=getattr(profile, flag))
        for flag in answered(record, False)
    ]
    if profile.other_medicines_asked:
        words = "Other medicines, as they were told"
        value = profile.other_medicines or NONE_TOLD
        found.append(answer(record, "other_medicines", words, valueString=value))
    tier = local("risk-tier", profile.tier, profile.get_tier_display())
    reasons = "; ".join(str(each.get("note", each)) for each in profile.tier_reasons)
    found.append(
        answer(
            record, "tier", "Seizure-risk tier, by our own rules",
            effectiveDateTime=moment(profile.assessed_at), valueCodeableConcept=concept(tier),
            note=notes(reasons),
        )
    )  # fmt: skip
    return found


def answer(record: Record, name: str, words: str, **value: Any) -> Resource:
    """Return one answer of the intake."""
    return resource(
        "Observation", fact_id(record, name), status="final",
        category=[concept(hl7("observation-category", "survey", "Survey"))],
        code=concept(local("risk-answer", name, words)),
        subject=reference("Patient", record.patient.pk), **value,
    )  # fmt: skip


def statements_of_intake(
    record: Record, replaced: str, last_dose_on: date | None
) -> list[Resource]:
    """Return what was taken at intake; `replaced` is why the main medicine's dose is no more so.

    A further medicine is over when somebody said since that nothing at all is taken.
    """
    rows: list[Medication | FurtherMedicine] = [record.medication] if record.medication else []
    further = list(record.patient.further_medicines.all())
    over = NONE_SAID if further and none_said_since_told(record.patient) else ""
    return [
        *(statement(record, row, replaced, last_dose_on) for row in rows),
        *(statement(record, row, over) for row in further),
    ]


def days_told(record: Record) -> list[Resource]:
    """Return the most days a week that were told of each drug: a lower word forgets none of them.

    Of the drug to be tapered with what the clinic gave, a unit or a restart told (ADR 76, 83).
    """
    day = record.now.astimezone(record.patient.tz).date()
    told = most_days_told(record.patient)
    main = int(regimen_on(record.patient, day)[0].days_per_week)
    told[REGULARLY] = max(main, told.get(REGULARLY, 0))
    return [
        extension(
            "days-told",
            extension=[{"url": "of", "valueString": of}, {"url": "days", "valueInteger": days}],
        )
        for of, days in sorted(told.items())
    ]  # fmt: skip


def regularity(
    row: Medication | FurtherMedicine,
) -> tuple[str, dict[str, Any], dict[str, bool]]:
    """Return how often a dose is taken: in words, as timing, and whether as needed.

    In FHIR's own elements: by a reader who knows no extension of ours, what is taken on two days
    a week would be taken on seven.
    """
    if row.pattern == Pattern.DAILY:
        return "", {"frequency": 1, "period": 1, "periodUnit": "d"}, {}
    days = row.days_per_week
    if not days:  # of the last weeks
        return ", as needed, rarely", {}, {"asNeededBoolean": True}
    words = f", as needed, {days} {'day' if days == 1 else 'days'} a week"
    return words, {"frequency": days, "period": 1, "periodUnit": "wk"}, {"asNeededBoolean": True}


def statement(
    record: Record, row: Medication | FurtherMedicine, replaced: str = "",
    last_dose_on: date | None = None,
) -> Resource:  # fmt: skip
    """Return one medicine as it was taken, a dosage per time of day."""
    main = isinstance(row, Medication)
    reason = row.reason if isinstance(row, Medication) else ""
    position = 0 if isinstance(row, Medication) else row.position
    confirmed = row.dose_confirmed if isinstance(row, Medication) else None
    place = "taken" if main else f"taken-{position}"
    last = last_dose_on.isoformat() if last_dose_on else None
    how_often, repeat, as_needed = regularity(row)
    return resource(
        "MedicationStatement", f"{record.patient.pk}-{place}",
        extension=extensions(
            extension("taken-place", valueInteger=position),
            extension("taken-months", valueInteger=row.taken_months),
            extension("taken-months-on", valueDate=told_on(record.patient, row).isoformat()),
            extension("pattern", valueCode=row.pattern),
            extension("days-per-week", valueInteger=row.days_per_week),
            *(days_told(record) if main else []),
            extension("dose-confirmed", valueBoolean=confirmed),
            extension("last-dose-on", valueDate=last),
        ),
        status="completed" if replaced else "active",
        statusReason=[concept(text=replaced)] if replaced else None,
        medicationCodeableConcept=drug_concept(row.drug_id),
        subject=reference("Patient", record.patient.pk),
        reasonReference=[reference("Condition", fact_id(record, "indication"))] if reason else None,
        effectivePeriod={"end": last} if last else None,
        dosage=[
            {"text": f"{slot}: {mg.normalize():f} mg{how_often}",
             "timing": {"repeat": repeat | {"when": [WHEN[slot]]}}, **as_needed,
             "doseAndRate": [{"doseQuantity": milligrams(mg)}]}
            for slot, mg in row.slots.items()
        ],
    )  # fmt: skip
