"""What a detox unit is told about a patient, read once at sending and kept as it was. Reads."""

from datetime import datetime, tzinfo
from typing import Any, Final

from apps.checkins.as_given import answer_rows
from apps.checkins.models import CheckIn
from apps.clinical.doses import plain
from apps.clinical.drugs import get_drug
from apps.detox.leaving import none_said_since_told
from apps.detox.models import Discharge, DoseRecord
from apps.patients.intake_words import Rows, dose_words, flag_words
from apps.patients.models import HEALTH_FLAGS, HISTORY_FLAGS, SUBSTANCE_FLAGS, Patient
from apps.tapers.schedule import slot_name
from apps.tapers.taken import Known, Taken, taken_now

STEPS_TOLD: Final = 12
CHECK_INS_TOLD: Final = 5
STAYS_TOLD: Final = 3
DOSES_TOLD: Final = 20  # the newest of each stay; the rest is counted


def hand_over_of(patient: Patient, now: datetime, last_dose_at: datetime | None) -> dict[str, Any]:
    """Return the hand-over as plain data: what is taken, how it went, what is dangerous, whom to
    call. Stored with the referral, so that the paper of tomorrow says what was handed over.
    """
    taken = taken_now(patient, now)
    check_ins = list(
        patient.check_ins.select_related("triage").order_by("-received_at")[:CHECK_INS_TOLD]
    )
    risk = patient.risk
    return {
        "patient": {
            "given_name": patient.given_name, "family_name": patient.family_name,
            "birth_date": patient.birth_date.isoformat(), "sex": patient.sex,
            "reference": patient.reference, "phone": patient.phone, "address": patient.address,
            "language": patient.get_language_display(),
            "emergency_contact": patient.emergency_contact,
        },
        "clinic": {
            "name": patient.clinic.name, "phone": patient.clinic.phone,
            "after_hours": patient.clinic.after_hours_phone,
        },
        "taken": doses_told(patient, taken),
        "taken_note": note_on(taken),
        "last_dose": last_dose(check_ins, last_dose_at),
        "steps": steps_told(taken),
        "symptoms": [symptoms_of(row) for row in check_ins],
        "seizures": [list(row) for row in flag_words(risk, [*HISTORY_FLAGS, "epilepsy"])],
        "risk": {
            "tier": risk.get_tier_display(),
            "because": [reason["note"] for reason in risk.tier_reasons],
        },
        "health": [list(row) for row in told(patient)],
        "medicines": medicines(patient),
        "adjuncts": adjuncts(patient),
        "stays": earlier_stays(patient),
        "written_at": now.isoformat(),
    }  # fmt: skip


def note_on(taken: Taken) -> str:
    """Return who says what is taken and since when, so that nobody doses by an old number."""
    day = f"{taken.since.day} {taken.since:%b %Y}"
    return {
        Known.PLAN: f"By the plan in force, since {day}.",
        Known.STOPPED: f"None: the last dose was on {day}.",
        Known.UNIT: f"As a detox unit said at discharge, written down on {day}: {taken.words}",
        Known.RESTART: f"Taken again, as written down on {day}: {taken.words}",
        Known.LEFT: f"By the plan that was left on {day}. Ask what is taken since then.",
        Known.INTAKE: f"As the intake said on {day}. Ask what is taken since then.",
    }[taken.known]


def doses_told(patient: Patient, taken: Taken) -> list[dict[str, str]]:
    """Return drug and milligrams at each time of day; nothing where only words say it."""
    if taken.steps:
        doses: dict[tuple[str, str], Any] = {}
        for piece in taken.steps[-1].pieces.all():
            key = (piece.slot, piece.product)
            doses[key] = doses.get(key, 0) + piece.mg
        return [
            {"slot": str(slot_name(slot)), "drug": product, "mg": plain(mg)}
            for (slot, product), mg in doses.items()
        ]
    if taken.known != Known.INTAKE:
        return []
    drug = get_drug(patient.medication.drug_id).name
    return [
        {"slot": slot.capitalize(), "drug": drug, "mg": plain(mg)}
        for slot, mg in patient.medication.slots.items()
    ]


def last_dose(check_ins: list[CheckIn], last_dose_at: datetime | None) -> dict[str, Any]:
    """Return when the last dose was taken as somebody said it, and what the last check-in said.

    Moments are kept as ISO text; `last_dose_lines` tells them on one clock.
    """
    found = {"at": last_dose_at.isoformat() if last_dose_at else "", "said": ""}
    for row in check_ins:
        said = next((a["value"] for a in answer_rows(row) if a["key"] == "dose_taken"), "")
        if said:
            hours = row.answers.get("hours_since_last_dose")
            told_at = row.received_at.isoformat()
            return found | {"said": said, "said_at": told_at, "hours": hours}
    return found


def last_dose_lines(dose: dict[str, Any], zone: tzinfo) -> list[str]:
    """Return what a kept hand-over says of the last dose, in lines, on a clock that is named.

    In a hand-over of before, `said` is the whole sentence, and stays as it was handed over.
    """
    said = dose["said"]
    if dose.get("said_at"):
        hours = dose["hours"]
        unit = "hour" if str(hours) == "1" else "hours"
        since = "" if hours is None else f", {hours} {unit} since the last dose"
        said = f"{said} (check-in of {when(dose['said_at'], zone)}{since})"
    return [line for line in (when(dose["at"], zone), said) if line]


def when(moment: str, zone: tzinfo) -> str:
    """Return a stored moment on a clock, which is named; nothing for none."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M %Z}" if moment else ""


def steps_told(taken: Taken) -> list[dict[str, str]]:
    """Return the last steps that were taken, the newest first."""
    return [
        {"from": step.start_on.isoformat(), "dose": str(step.dose)}
        for step in taken.steps[::-1][:STEPS_TOLD]
    ]


def symptoms_of(row: CheckIn) -> dict[str, Any]:
    """Return a check-in in short: its day, its score, and the answers that are not nothing."""
    quiet = {"no", "none", "0", "0 none", "none of these"}
    return {
        "at": row.received_at.isoformat(),
        "score": row.triage.dws,
        "level": row.triage.level,
        "answers": [
            f"{each['label']} {each['value']}"
            for each in answer_rows(row)
            if each["red"] or (each["key"].startswith("s_") and each["value"].lower() not in quiet)
        ],
    }


def told(patient: Patient) -> Rows:
    """Return what the intake says yes to, and what nobody asked: both matter in a unit."""
    rows = flag_words(patient.risk, [*HEALTH_FLAGS, *SUBSTANCE_FLAGS])
    return [(label, value) for label, value in rows if value != "no"]


def medicines(patient: Patient) -> list[str]:
    """Return the other medicines, one a line: what is given beside the taper, then as told.

    A second benzodiazepine or Z-drug has its times of day; once somebody said since that nothing
    of the kind is taken any more, its line says that too.
    """
    beside = [
        f"{each['name']}, beside the taper since {each['since']}, for: {each['for_what']}"
        for each in adjuncts(patient)
    ]
    rows = list(patient.further_medicines.all())
    said = none_said_since_told(patient) if rows else None
    day = said.astimezone(patient.tz) if said else None
    over = f"; not taken any more, as was said on {day.day} {day:%b %Y}" if day else ""
    further = [f"{dose_words(each)}{over}" for each in rows]
    if not patient.risk.other_medicines_asked:
        return [*beside, *further, "Other medicines: not asked"]
    listed = [line for line in patient.risk.other_medicines.splitlines() if line.strip()]
    return [*beside, *further, *listed]


def adjuncts(patient: Patient) -> list[dict[str, str]]:
    """Return what is given beside the taper and has not ended: its name, since when, for what."""
    return [
        {"name": each.name, "since": each.started_on.isoformat(), "for_what": each.for_what}
        for each in patient.adjuncts.filter(ended_on__isnull=True)
    ]


def earlier_stays(patient: Patient) -> list[dict[str, Any]]:
    """Return the last stays in a unit, the newest first: when, what was left, and what was given.

    Phenobarbital acts for days after its last dose (INP-07), so each dose on record has its time.
    """
    rows = Discharge.objects.filter(patient=patient).select_related("referral__facility")
    return [stay_told(row) for row in rows.order_by("-discharged_at")[:STAYS_TOLD]]


def stay_told(row: Discharge) -> dict[str, Any]:
    """Return one stay as plain data; a line that was corrected is not told."""
    doses = DoseRecord.objects.filter(stay__referral=row.referral, corrected_by__isnull=True)
    shown = doses.order_by("-at")[:DOSES_TOLD]
    return {
        "unit": row.referral.facility.name, "home_at": row.discharged_at.isoformat(),
        "left": row.taken or f"none; last dose on {row.last_dose_on}", "summary": row.summary,
        "doses": [
            {"kind": dose.kind, "medicine": dose.medicine, "amount": dose.amount,
             "at": dose.at.isoformat()}
            for dose in shown
        ],
        "more_doses": max(doses.count() - DOSES_TOLD, 0),
    }  # fmt: skip
