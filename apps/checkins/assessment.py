"""What triage has to know about a patient, read from the database in a few queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from django.db.models import QuerySet

from apps.checkins.models import CheckIn
from apps.clinical.aftercare import NOT_ASKED_AFTER
from apps.clinical.drugs import get_drug
from apps.clinical.scoring import baseline
from apps.clinical.triage import CheckInSummary, Context, Profile
from apps.database.statements import ReadRows
from apps.patients.models import Patient
from apps.tapers.conversion import converted_on
from apps.tapers.models import TaperStep
from apps.tapers.tablets import liquids_of
from apps.tapers.taken import taken_without_plan
from apps.tapers.today import plan_today

HISTORY_LENGTH: Final = 10
BASELINE_DAYS: Final = 7  # triage.md section 3
# received_at, daily score, sleep answer, whether it may calm
Row = tuple[datetime, int | None, int | None, bool]


def past_of(patient_id: UUID, now: datetime) -> QuerySet[CheckIn, Row]:
    """Return what trends need of the check-ins before `now`."""
    past = CheckIn.objects.filter(patient_id=patient_id, received_at__lt=now)
    return past.values_list("received_at", "triage__dws", "answers__s_sleep", "may_calm")


def last_of(patient_id: UUID, now: datetime) -> QuerySet[CheckIn, Row]:
    """Return the last check-ins, newest first."""
    return past_of(patient_id, now).order_by("-received_at")[:HISTORY_LENGTH]


LAST = ReadRows(last_of, patient_id=UUID, now=datetime)
# However long the step has been held, its baseline is the week before it began.
LAST_AND_WEEK_BEFORE = ReadRows(
    lambda patient_id, now, begin, end: last_of(patient_id, now).union(
        past_of(patient_id, now).filter(received_at__gte=begin, received_at__lt=end)
    ),
    patient_id=UUID, now=datetime, begin=datetime, end=datetime,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assessment:
    """The two inputs of triage besides the answers."""

    profile: Profile
    context: Context


def assessment_of(
    patient: Patient, now: datetime, felt_at: datetime | None = None, *, tells_amount: bool = False
) -> Assessment:
    """Return what is known of the patient at `now`, for `apps.clinical.triage.assess`.

    With `felt_at` the amount taken is compared with the dose of that day: what was kept on a
    phone over a step tells of the dose before it [proposal]. All else counts from now (triage.md).
    With `tells_amount` the strengths of that day's liquids are read too: one query more.
    """
    facts = plan_facts(patient, now)
    today = now.astimezone(patient.tz).date()
    context = context_of(patient, facts.current, now)
    then = facts.current
    if felt_at is not None and then is not None:
        then = step_on(facts.begun, felt_at.astimezone(patient.tz).date())
        context = replace(context, planned_daily_mg=planned_mg(then.by_drug))
    if tells_amount and then is not None:
        strengths, solid = liquids_of(then.pieces.all())
        context = replace(context, liquid_mg_per_ml=strengths, planned_solid_mg=solid)
    if context.days_since_stop is None:
        context = replace(context, **governance_of(patient, facts.converted_on, today))
    return Assessment(profile_of(patient, facts.drug_id, today), context)


def governance_of(patient: Patient, converted: date | None, today: date) -> dict[str, Any]:
    """Return how old the last risk-benefit review and the last switch of drug are, in days.

    For as long as something is prescribed: W16 and U23 have nothing to say after the stop.
    """
    found: dict[str, Any] = {}
    clock = getattr(patient, "review_clock", None)
    if clock is not None:
        found = review_age(clock.due_on, clock.interval_days, today)
    if converted is not None and converted <= today:
        found["days_since_conversion"] = (today - converted).days
    return found


def review_age(due_on: date, interval_days: int, today: date) -> dict[str, Any]:
    """Return the age of the last review as W16 reads it, and the limit of this patient."""
    last = due_on - timedelta(days=interval_days)
    return {
        "days_since_rb_review": max(0, (today - last).days),
        "rb_review_limit_days": interval_days,
    }


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What the active plan says of a day; without a plan only the drug taken now."""

    drug_id: str
    current: TaperStep | None = None
    first_cut_on: date | None = None
    converted_on: date | None = None
    begun: Sequence[TaperStep] = ()  # what was taken so far, the step in force last


def plan_facts(patient: Patient, now: datetime) -> PlanFacts:
    """Return the drug, the step in force and the day of the first cut, in three queries.

    One more for a plan that switches drugs.
    """
    plan = plan_today(patient, now)
    if plan is None:
        return PlanFacts(patient.medication.drug_id)
    # Step 1 is the present dose.
    first_cut_on = next((step.start_on for step in plan.steps if step.number > 1), None)
    converted = converted_on(plan.version, plan.step)
    return PlanFacts(plan.drug_id, plan.step, first_cut_on, converted, plan.begun)


def step_on(begun: Sequence[TaperStep], day: date) -> TaperStep:
    """Return the step that was taken on a day; before the plan the first, the dose of then."""
    return next((step for step in reversed(begun) if step.start_on <= day), begun[0])


def profile_of(patient: Patient, drug_id: str, today: date) -> Profile:
    """Return the intake's facts with the half-life class of the drug taken now."""
    risk = patient.risk
    return Profile(
        tier=risk.tier,
        hl_class=get_drug(drug_id).half_life_class,
        epilepsy=risk.epilepsy or patient.medication.is_for_epilepsy,
        prior_wd_seizure=risk.prior_wd_seizure,
        chronic_halluc=risk.chronic_halluc,
        psychotic_or_bipolar=risk.psychotic_or_bipolar,
        aud=risk.aud or risk.heavy_alcohol,
        anticoagulant=risk.anticoagulant,
        liver_disease=risk.liver_disease,
        opioid_rx=risk.opioid_rx,
        naloxone_on_file=risk.naloxone_on_file,
        age=patient.age_on(today),
        pregnancy_known=risk.pregnancy_known,
    )


def context_of(patient: Patient, current: TaperStep | None, now: datetime) -> Context:
    """Return days since the step, the planned dose, the baseline and the last check-ins."""
    if current and current.number > 1:
        end = datetime.combine(current.start_on, time.min, patient.tz)
        begin = end - timedelta(days=8)
        found = LAST_AND_WEEK_BEFORE.all(patient_id=patient.pk, now=now, begin=begin, end=end)
    else:
        found = LAST.all(patient_id=patient.pk, now=now)
    rows = cast("list[Row]", found)
    rows.sort(key=lambda row: row[0], reverse=True)
    return context_from(patient, current, rows, now)


def context_from(
    patient: Patient, current: TaperStep | None, rows: Sequence[Row], now: datetime
) -> Context:
    """Return the same from rows already at hand: the last check-ins, newest first."""
    today = now.astimezone(patient.tz).date()
    # Step 1 is the present dose: nothing has been reduced yet.
    step = current if current and current.number > 1 else None
    since_step = (today - step.start_on).days if step else None
    before_step: list[tuple[int | None, bool]] = []
    if step:
        first = step.start_on - timedelta(days=BASELINE_DAYS)
        before_step = [
            (dws, may_calm)
            for received, dws, _, may_calm in rows
            if first <= received.astimezone(patient.tz).date() < step.start_on
        ]
    return Context(
        days_since_step=since_step,
        days_since_stop=since_stop(patient, current, today),
        planned_daily_mg=planned_now(patient, current),
        baseline_dws=lowest_baseline(before_step),
        history=tuple(
            CheckInSummary(dws=dws, s_sleep=sleep, may_calm=may_calm)
            for _, dws, sleep, may_calm in reversed(rows[:HISTORY_LENGTH])
        ),
    )


def lowest_baseline(before_step: Sequence[tuple[int | None, bool]]) -> Decimal | None:
    """Return the baseline of (score, may calm), which what may only raise can lower, never lift.

    A higher one would let a worsening pass for the patient's usual state (ADR 78).
    """
    every = baseline(dws for dws, _ in before_step)
    without = baseline(dws for dws, may_calm in before_step if may_calm)
    known = [found for found in (every, without) if found is not None]
    return min(known, default=None)


def planned_now(patient: Patient, current: TaperStep | None) -> Decimal | None:
    """Return the milligrams of today: by the plan, else by the newest word of what is taken.

    None where a unit has said it in words only: a report is compared with no old dose.
    """
    if current is not None:
        return planned_mg(current.by_drug)
    doses = taken_without_plan(patient).by_drug
    return planned_mg(doses) if doses is not None else None


def since_stop(patient: Patient, current: TaperStep | None, today: date) -> int | None:
    """Return the days since the medicine was stopped, None while some is taken or planned.

    By the step of nothing that is in force; without a plan by the last dose on record.
    """
    if current is not None:
        return (today - current.start_on).days if not current.daily_mg else None
    last: date | None = patient.last_dose_on
    return max((today - last).days, 0) if last is not None else None


def not_asked_of(patient: Patient, context: Context | None = None) -> Collection[str]:
    """Return the questions that are not asked of this patient: about doses, once none is taken."""
    stopped = context is not None and context.days_since_stop is not None
    return NOT_ASKED_AFTER if stopped or patient.last_dose_on is not None else ()


def planned_mg(doses: Mapping[str, Decimal]) -> Decimal | None:
    """Return the milligrams a report is compared with; None while two drugs are taken.

    One number says nothing of two drugs, so the amount taken counts as not known (W08).
    """
    return sum(doses.values(), Decimal(0)) if len(doses) < 2 else None


FORM_ROWS_READ: Final = 60


def form_context(patient: Patient, now: datetime) -> dict[str, object]:
    """Return what decides which questions are asked: last supply, last thoughts, age.

    The last by when it was felt: what a phone kept for days says nothing of today. One query.
    What is not known is left out, and its question is asked: once too often is the safe side.
    """
    rows = CheckIn.objects.filter(patient=patient, received_at__lte=now).order_by("-received_at")
    wanted = rows.values_list(
        "reported_at", "may_calm", "answers__supply_days", "answers__si", "answers__asq_1"
    )
    newest_first = sorted(wanted[:FORM_ROWS_READ], key=lambda row: row[0], reverse=True)
    supply = thoughts = asq_days = None
    supply_days: int | None = None
    for felt, may_calm, left, si, asq in newest_first:
        days = (now - felt).days
        # What came too late or by a link used too often may open a question, never close one.
        if may_calm or si != "no":
            thoughts = si if thoughts is None else thoughts
        if left is not None and supply is None and may_calm:
            supply, supply_days = left, days
        asq_days = days if asq is not None and asq_days is None and may_calm else asq_days
    found = {
        "last_supply_days": supply,
        "days_since_supply": supply_days,
        "last_si": thoughts,
        "days_since_asq": asq_days,
        "age": patient.age_on(now.astimezone(patient.tz).date()),
    }
    return {key: value for key, value in found.items() if value is not None}
