"""A stop that the patient made alone: what stands in its way, and who signs it. Reads only."""

from datetime import date, datetime, timedelta
from typing import Final

from apps.checkins.models import CheckIn
from apps.clinical.detox import daily_days_after_own_stop
from apps.clinical.drugs import get_drug
from apps.clinical.restarts import tells_of_taking
from apps.clinical.stopping import StopPath
from apps.detox.leaving import changed_at, is_with_a_unit
from apps.detox.models import Discharge, OwnStop
from apps.patients.errors import FieldError
from apps.patients.intake import stop_verdict_of
from apps.patients.models import Patient
from apps.tapers.models import TaperPlan
from apps.tapers.today import midnight

# One whole day without any must be over: today's empty slot is no fact of the past [proposal].
WHOLE_DAYS_WITHOUT: Final = timedelta(days=2)
SOME_TAKEN: Final = ("yes_all", "missed_some", "took_less", "took_extra")
ON_RECORD: Final = "The last dose is on record already: it was on {}."
WITH_A_UNIT: Final = (
    "A unit has this patient, or its word waits for a second signature. Settle that under “Care” "
    "first."
)
NOT_ACTIVE: Final = (
    "Set the patient to active first: whoever is not is not asked every day after a recent stop."
)
NOT_OVER: Final = (
    "This is written down only after the first whole day without any. Nothing is stopped at once "
    "here (ASAM-03): while some is taken, make a plan to taper it."
)
STILL_TAKEN: Final = "Some was still taken then, by the record: {}, {}."
SAID_BEFORE: Final = "This was said before the first day without any was over."
NOT_YET: Final = "This day has not come yet."
RECENT: Final = "The last dose is less than {} days ago, when seizures of a stop at once come."
BY_A_PLAN: Final = "A plan of this clinic gives a dose."
BY_CHECK_IN: Final = "A check-in of {} says that some was taken."
BY_INTAKE: Final = "The intake was told a dose on {}."


class OwnStopError(FieldError):
    """What cannot be; the text is for the reader."""


def words_of_day(day: date) -> str:
    """Return a day as sentences name it."""
    return f"{day.day} {day:%b %Y}"


def why_no_own_stop(patient: Patient) -> str:
    """Return why no stop of the patient's own can be recorded now, empty when one can."""
    if patient.last_dose_on is not None:
        return ON_RECORD.format(words_of_day(patient.last_dose_on))
    if is_with_a_unit(patient):
        return WITH_A_UNIT
    return "" if patient.status == Patient.Status.ACTIVE else NOT_ACTIVE


def check_own_stop(patient: Patient, last_dose_on: date, said_on: date, now: datetime) -> None:
    """Raise `OwnStopError` with what stands in the way: a past day, later than the record's."""
    if reason := why_no_own_stop(patient):
        raise OwnStopError(reason)
    today = now.astimezone(patient.tz).date()
    if last_dose_on > today - WHOLE_DAYS_WITHOUT:
        raise OwnStopError(NOT_OVER, "last_dose_on")
    known, what = taken_by_record(patient)
    if last_dose_on < known:
        raise OwnStopError(STILL_TAKEN.format(what, words_of_day(known)), "last_dose_on")
    if said_on > today:
        raise OwnStopError(NOT_YET, "said_on")
    if said_on <= last_dose_on:
        raise OwnStopError(SAID_BEFORE, "said_on")


def taken_by_record(patient: Patient) -> tuple[date, str]:
    """Return the last day on which some was taken for certain, and by what; long ago for none."""
    plan = patient.plans.filter(activated_at__isnull=False).order_by("-activated_at").first()
    again = patient.restarts.filter(last_dose_on__isnull=True).first()
    home = patient.discharges.filter(left=Discharge.Left.SOME).first()
    found = [
        (plan and plan.activated_at, "a plan began"),
        (again and again.recorded_at, "use that began again"),
        (home and home.discharged_at, "home from a unit with some"),
    ]
    days = [(at.astimezone(patient.tz).date(), words) for at, words in found if at]
    return max(days, default=(date.min, ""))


def watched_until(patient: Patient, last_dose_on: date) -> date:
    """Return the last day on which a patient is asked every day after such a stop."""
    rows = [patient.medication, *patient.further_medicines.all()]
    drugs = {row.drug_id for row in rows}
    for plan in patient.plans.filter(in_force__isnull=False).select_related("in_force"):
        drugs |= {plan.version.drug_id}
    days = daily_days_after_own_stop(get_drug(drug).half_life_class for drug in drugs)
    return last_dose_on + timedelta(days=days)


def why_two_names(patient: Patient, last_dose_on: date, now: datetime) -> list[str]:
    """Return why one prescriber's name is not enough, in sentences; nothing where it is.

    One is enough where dependence is unlikely and no factor of high risk is known or unasked, as
    for a documented stop (ASAM-05), and where the stop is long ago, no plan gives a dose, and
    nothing on record says that some was taken since. Whatever an intake or a check-in says
    is no refusal: a slip of theirs must leave no door shut [proposal].
    """
    today = now.astimezone(patient.tz).date()
    because: list[str] = []
    for day in (last_dose_on, today):
        verdict = stop_verdict_of(patient, day)
        if verdict.path is not StopPath.STOP_OR_SHORT_TAPER:
            because += verdict.because
    until = watched_until(patient, last_dose_on)
    if today <= until:
        because.append(RECENT.format((until - last_dose_on).days + 1))
    if TaperPlan.objects.active().filter(patient=patient).exists():
        because.append(BY_A_PLAN)
    return list(dict.fromkeys([*because, *said_since(patient, last_dose_on)]))


def said_since(patient: Patient, last_dose_on: date) -> list[str]:
    """Return what says that some was taken after this day: the newest check-in, the intake."""
    since = midnight(last_dose_on + timedelta(days=1), patient.tz)
    rows = CheckIn.objects.by_the_patient().filter(patient=patient, reported_at__gte=since)
    told = (
        at for at, answers in rows.order_by("-reported_at").values_list("reported_at", "answers")
        if answers.get("dose_taken") in SOME_TAKEN or tells_of_taking(answers)
    )  # fmt: skip
    entries = patient.intake_entries.filter(taken_before__isnull=False, saved_at__gte=since)
    saved = entries.order_by("-saved_at").values_list("saved_at", flat=True).first()
    found = ((BY_CHECK_IN, next(told, None)), (BY_INTAKE, saved))
    return [text.format(words_of_day(at.astimezone(patient.tz).date())) for text, at in found if at]


def awaiting_second(patient: Patient) -> OwnStop | None:
    """Return the own stop that waits for a second prescriber, None where something is newer."""
    row: OwnStop | None = patient.own_stops.select_related("second", "recorded_by").first()
    if row is None or row.settled_at is not None or patient.last_dose_on is not None:
        return None
    changed = changed_at(patient)
    return None if changed is not None and changed > row.recorded_at else row
