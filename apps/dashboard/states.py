"""Works out the state rows of patients from the truth: reads only, for many at once.

`today.py` of the tapers says what is taken today and the gates say what locks the next
cut, so a row can say nothing that the patient's page does not.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Func, Max, Value

from apps.alerts.models import Alert
from apps.checkins.models import LIVE, CheckIn, Reminder, end_of_day
from apps.checkins.windows import PATIENCE
from apps.dashboard.models import BLOCKED_LENGTH, NAME_KEY_LENGTH, NO_ALERT, PatientState
from apps.dashboard.searching import index_words, plain
from apps.dashboard.summaries import why_held
from apps.dashboard.trend import BEFORE, trend_of, typical_score
from apps.detox.guards import NONE_UNSIGNED
from apps.detox.models import Discharge, Restart
from apps.patients.models import IntakeEntry, Patient, RiskProfile
from apps.tapers.models import PlanHold, TaperPlan, TaperStep, fetch_doses
from apps.tapers.tablets import dose_words
from apps.tapers.today import Today, midnight, unlocked_step, why_locked
from apps.tapers.waiting import waiting_since

TIER_RANK = {RiskProfile.Tier.LOW: 1, RiskProfile.Tier.MODERATE: 2, RiskProfile.Tier.HIGH: 3}
LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
NOT_FOLLOWED: Final[dict[str, str]] = {
    Patient.Status.PAUSED: PatientState.Stage.PAUSED,
    Patient.Status.IN_HOSPITAL: PatientState.Stage.HOSPITAL,
    Patient.Status.ENDED: PatientState.Stage.LEFT,
    Patient.Status.DECEASED: PatientState.Stage.LEFT,
}


@dataclass(slots=True)
class Facts:
    """What the other apps know about a batch of patients, by patient."""

    plans: dict[UUID, TaperPlan] = field(default_factory=dict)
    left: dict[UUID, TaperPlan] = field(default_factory=dict)  # the last plan that was ended
    home: dict[UUID, Discharge] = field(default_factory=dict)  # the last word of a detox unit
    again: dict[UUID, Restart] = field(default_factory=dict)  # use that began again and goes on
    plan_kinds: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    steps: dict[UUID, list[TaperStep]] = field(default_factory=lambda: defaultdict(list))
    holds: dict[UUID, list[PlanHold]] = field(default_factory=lambda: defaultdict(list))
    scores: dict[UUID, list[tuple[datetime, int | None]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    last: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    alerts: dict[UUID, list[int]] = field(default_factory=lambda: defaultdict(list))
    overdue: dict[UUID, datetime] = field(default_factory=dict)
    unsigned: dict[UUID, datetime] = field(default_factory=dict)


def states_of(patient_ids: Iterable[UUID], now: datetime) -> list[PatientState]:
    """Return the rows of these patients as they should be at `now`; stores nothing.

    Some ten queries however many patients, and one per gate for each plan that has a
    next reduction.
    """
    rows = Patient.objects.filter(pk__in=list(patient_ids)).select_related(
        "medication", "risk", "clinic"
    )
    patients = {patient.pk: patient for patient in rows}
    facts = gather(patients, now)
    return [state_of(patient, facts, now) for patient in patients.values()]


def gather(patients: dict[UUID, Patient], now: datetime) -> Facts:
    """Fetch what the rows are made of."""
    facts, ids = Facts(), list(patients)
    gather_plans(facts, patients)
    gather_check_ins(facts, patients, now)
    open_alerts = Alert.objects.unresolved().filter(patient_id__in=ids)
    for patient_id, priority in open_alerts.values_list("patient_id", "priority"):
        facts.alerts[patient_id].append(priority)
    facts.overdue = first_unanswered_of(patients)
    facts.unsigned = waiting_since(ids)
    return facts


def gather_plans(facts: Facts, patients: dict[UUID, Patient]) -> None:
    """Fetch plans, the steps of the version in force, open holds, and what a unit said last."""
    rows = Discharge.objects.filter(patient_id__in=list(patients))
    rows = rows.select_related("second").order_by("patient_id", "-recorded_at")
    rows = rows.distinct("patient_id")
    facts.home = {row.patient_id: row for row in rows}
    facts.again = going_on_again(patients)
    for plan in TaperPlan.objects.filter(patient_id__in=list(patients)).select_related("in_force"):
        plan.patient = patients[plan.patient_id]
        if not is_home_since(plan, facts):
            facts.plan_kinds[plan.patient_id].add(plan.status)
        if plan.status == TaperPlan.Status.ACTIVE:
            facts.plans[plan.patient_id] = plan
        elif plan.left_at is not None and plan.begun_step:
            last = facts.left.get(plan.patient_id, plan)
            facts.left[plan.patient_id] = max(plan, last, key=lambda each: each.left_at or LONG_AGO)
    drop_overtaken(facts)
    told = [*facts.plans.values(), *facts.left.values()]
    versions = [plan.in_force_id for plan in told]
    in_force = {plan.in_force_id: plan.version for plan in told}
    steps = list(TaperStep.objects.filter(version_id__in=versions).order_by("number"))
    for step in steps:
        step.version = in_force[step.version_id]
        facts.steps[step.version_id].append(step)
    fetch_doses(steps)
    active = [plan.pk for plan in facts.plans.values()]
    for hold in PlanHold.objects.open().filter(plan_id__in=active).order_by("opened_at"):
        facts.holds[hold.plan_id].append(hold)


def going_on_again(patients: Iterable[UUID]) -> dict[UUID, Restart]:
    """Return the newest restart of each patient where some is taken by it."""
    rows = Restart.objects.filter(patient_id__in=list(patients))
    rows = rows.order_by("patient_id", "-recorded_at").distinct("patient_id")
    return {row.patient_id: row for row in rows if row.last_dose_on is None}


def is_home_since(plan: TaperPlan, facts: Facts) -> bool:
    """Answer whether a plan was left for a hospital from which the patient has come home."""
    home = facts.home.get(plan.patient_id)
    is_away = plan.status == TaperPlan.Status.INPATIENT and plan.left_at is not None
    return is_away and home is not None and home.recorded_at >= (plan.left_at or LONG_AGO)


def drop_overtaken(facts: Facts) -> None:
    """Keep the newest word on what is taken: a plan in force, the intake, a unit, a plan left, use
    that began again.

    As `apps.tapers.taken` says of one patient, for many.
    """
    for patient_id in facts.plans:
        facts.left.pop(patient_id, None)
        facts.home.pop(patient_id, None)
        facts.again.pop(patient_id, None)
    ids = {*facts.left, *facts.home, *facts.again}
    if not ids:
        return
    told = IntakeEntry.objects.filter(patient_id__in=ids, taken_before__isnull=False)
    newest = dict(told.values_list("patient_id").annotate(Max("saved_at")).order_by())
    words: tuple[dict[UUID, Any], ...] = (facts.home, facts.again, facts.left)
    for patient_id in ids:
        said = [(said_at(rows[patient_id]), rows) for rows in words if patient_id in rows]
        last = max(at for at, _ in said)
        for at, rows in said:
            if at < max(last, newest.get(patient_id, LONG_AGO)):
                del rows[patient_id]


def said_at(word: TaperPlan | Discharge | Restart) -> datetime:
    """Return when it became known what is taken by it."""
    return (word.left_at or LONG_AGO) if isinstance(word, TaperPlan) else word.recorded_at


def gather_check_ins(facts: Facts, patients: dict[UUID, Patient], now: datetime) -> None:
    """Fetch each patient's last check-in, and the scores the trend compares."""
    ids = list(patients)
    newest = (
        CheckIn.objects.by_the_patient()
        .filter(patient_id__in=ids)
        .order_by("patient_id", "-received_at")
    )
    fields = ("patient_id", "received_at", "triage__dws")
    for row in newest.distinct("patient_id").values(*fields):
        facts.last[row["patient_id"]] = row
    # The last daily check-in has the score; a weekly one after it has none.
    scored = newest.filter(triage__dws__isnull=False).distinct("patient_id")
    for row in scored.values(*fields):
        facts.last[row["patient_id"]]["triage__dws"] = row["triage__dws"]
    begun = [
        begin - BEFORE for plan in facts.plans.values() if (begin := step_began(plan, facts, now))
    ]
    if begun:
        since = CheckIn.objects.by_the_patient().filter(
            patient_id__in=list(facts.plans), received_at__gte=min(begun)
        )
        for patient_id, at, dws in since.values_list("patient_id", "received_at", "triage__dws"):
            facts.scores[patient_id].append((at, dws))


def first_unanswered_of(patients: dict[UUID, Patient]) -> dict[UUID, datetime]:
    """Return when each patient's first window was due that nobody answered since they did.

    What `silence_of` of the check-ins says of one patient, for many in one query.
    """
    ids = list(patients)
    bounds: dict[UUID, datetime] = {}
    heard = CheckIn.objects.stopping_the_clock().filter(patient_id__in=ids)
    peace = Reminder.objects.filter(patient_id__in=ids, state=Reminder.State.CANCELLED)
    last = heard.values_list("patient_id").annotate(Max("reported_at"))
    moments = [
        *((key, end_of_day(felt, patients[key].tz)) for key, felt in last),
        *peace.values_list("patient_id").annotate(Max("ended_at")),
    ]
    for patient_id, moment in moments:
        bounds[patient_id] = max(moment, bounds.get(patient_id, moment))
    windows = Reminder.objects.filter(
        patient_id__in=ids, state__in=(*LIVE, Reminder.State.MISSED)
    ).values_list("patient_id", "due_at")
    found: dict[UUID, datetime] = {}
    for patient_id, due_at in windows.order_by("due_at"):
        bound = bounds.get(patient_id)
        if patient_id not in found and (bound is None or due_at > bound):
            found[patient_id] = due_at
    return found


def today_from(plan: TaperPlan, facts: Facts, now: datetime) -> Today:
    """Return what `today_of` returns, from rows already fetched."""
    steps, holds = facts.steps[plan.version.pk], facts.holds[plan.pk]
    day = now.astimezone(plan.patient.tz).date()
    step, locked = unlocked_step(plan, steps, holds, day)
    return Today(day, plan, plan.version, steps, step, holds, locked)


def step_began(plan: TaperPlan, facts: Facts, now: datetime) -> datetime | None:
    """Return when the step in force began at the patient's midnight, None before the first."""
    step = today_from(plan, facts, now).step
    return midnight(step.start_on, plan.patient.tz) if step else None


def state_of(patient: Patient, facts: Facts, now: datetime) -> PatientState:
    """Return one patient's row."""
    risk = getattr(patient, "risk", None)
    last = facts.last.get(patient.pk, {})
    overdue = facts.overdue.get(patient.pk)
    followed = patient.status == Patient.Status.ACTIVE
    priorities = facts.alerts[patient.pk]
    state = PatientState(
        patient=patient,
        clinic_id=patient.clinic_id,
        name_key=plain(f"{patient.family_name}, {patient.given_name}")[:NAME_KEY_LENGTH],
        search=searched(patient),
        tier=risk.tier if risk else "",
        tier_rank=TIER_RANK.get(risk.tier, 0) if risk else 0,
        score=last.get("triage__dws"),
        last_check_in_at=last.get("received_at"),
        silent_from=overdue + PATIENCE if overdue and followed else None,
        alert_rank=min(priorities, default=NO_ALERT),
        alerts=len(priorities),
        second_since=facts.unsigned.get(patient.pk),
    )
    medication = getattr(patient, "medication", None)
    if medication is not None:
        state.drug_id, state.daily_mg = medication.drug_id, medication.daily_mg
        state.dose = dose_words({state.drug_id: state.daily_mg}, named=True)
    plan = facts.plans.get(patient.pk)
    if plan is None:
        state.stage = stage_without_plan(facts.plan_kinds[patient.pk])
        add_last_dose(state, patient, facts)
    else:
        add_plan(state, today_from(plan, facts, now), facts.scores[patient.pk])
    state.stage = NOT_FOLLOWED.get(patient.status, state.stage)
    return state


def searched(patient: Patient) -> Func:
    """Return the column by which the patient is found."""
    words = index_words(names=patient.full_name, reference=patient.reference, phone=patient.phone)
    return Func(Value(words), template="to_tsvector('simple', %(expressions)s)")


def stage_without_plan(kinds: set[str]) -> str:
    """Return where a patient stands who is on no active plan."""
    if TaperPlan.Status.INPATIENT in kinds:
        return PatientState.Stage.HOSPITAL
    if TaperPlan.Status.DRAFT in kinds:
        return PatientState.Stage.DRAFT
    return PatientState.Stage.OVER if kinds else PatientState.Stage.NO_PLAN


def add_plan(state: PatientState, today: Today, scores: list[tuple[datetime, int | None]]) -> None:
    """Add dose, step, what comes next, what blocks it, and the trend since the step."""
    zone, following = today.plan.patient.tz, today.next
    state.steps = len(today.steps)
    add_dose(state, today)
    if today.step:
        state.step = today.step.number
        begun = midnight(today.step.start_on, zone)
        state.trend = trend_of(
            typical_score(dws for at, dws in scores if at >= begun),
            typical_score(dws for at, dws in scores if begun - BEFORE <= at < begun),
        )
    if following:
        state.next_on = following.start_on
        state.next_dose = dose_words(following.by_drug, named=today.version.switches)
    state.blocked = why_blocked(today)
    if today.is_locked:
        opened = min((hold.opened_at for hold in today.holds), default=None)
        state.decision_since = opened or midnight(
            today.next.start_on if today.next else today.day, zone
        )
    state.stage = stage_on_plan(today)
    state.refresh_at = next_change(today.steps, today.day, zone)


def add_last_dose(state: PatientState, patient: Patient, facts: Facts) -> None:
    """Add what is taken without a plan: none, what a unit said, or the dose of a plan left."""
    home, plan = facts.home.get(patient.pk), facts.left.get(patient.pk)
    again = facts.again.get(patient.pk)
    if patient.last_dose_on is not None:
        state.dose, state.daily_mg = "none", Decimal(0)
    elif again is not None:
        state.dose, state.daily_mg = shortened(again.taken), Decimal(0)
        if state.stage != PatientState.Stage.DRAFT:
            state.stage = PatientState.Stage.AGAIN
    elif home is not None and home.awaits_second:
        state.dose, state.daily_mg = shortened(NONE_UNSIGNED), Decimal(0)
    elif home is not None and home.left == Discharge.Left.SOME:
        state.dose, state.daily_mg = shortened(home.taken), Decimal(0)
    elif plan is not None:
        add_step_left(state, plan, facts)


def add_step_left(state: PatientState, plan: TaperPlan, facts: Facts) -> None:
    """Add the dose at which a plan was left: of nobody is more known since then."""
    steps = facts.steps[plan.version.pk]
    last = next((step for step in steps if step.number == plan.begun_step), None)
    if last is not None:
        add_dose(state, Today(last.start_on, plan, plan.version, steps, last, [], ""))


def add_dose(state: PatientState, today: Today) -> None:
    """Add the drug, and what is taken of it in the step in force."""
    state.drug_id = today.drug_id
    if today.step:
        doses = today.step.by_drug
        state.dose = dose_words(doses, named=True)
        state.daily_mg = doses.get(state.drug_id, Decimal(0))


def shortened(words: str) -> str:
    """Return words as they fit the row; the patient's page says them all."""
    return words if len(words) <= BLOCKED_LENGTH else f"{words[: BLOCKED_LENGTH - 2].rstrip()} …"


def why_blocked(today: Today) -> str:
    """Return why the next cut does not come, or would not if it were due now."""
    if today.holds:
        return shortened(" ".join(dict.fromkeys(map(why_held, today.holds))))
    if today.locked_because or today.step is None or today.next is None:
        return today.locked_because
    return why_locked(today.plan.patient, today.step, today.next)


def stage_on_plan(today: Today) -> str:
    """Return where a patient stands who is on an active plan."""
    if today.step is None:
        return PatientState.Stage.STARTS
    if today.is_locked or (today.next is None and today.version.course.get("held")):
        return PatientState.Stage.HELD
    return PatientState.Stage.TAPERING if today.next else PatientState.Stage.ARRIVED


def next_change(steps: list[TaperStep], day: date, zone: Any) -> datetime | None:
    """Return the next midnight at which a step begins, None when none is left."""
    ahead = min((step.start_on for step in steps if step.start_on > day), default=None)
    return midnight(ahead, zone) if ahead else None
