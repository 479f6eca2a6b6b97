"""Decisions on a live plan: what moves, what stays, and who may not overwrite whom."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.audit.models import AuditEvent
from apps.checkins.assessment import plan_facts
from apps.clinical.errors import ClinicalError
from apps.tapers.actions import hold_plan
from apps.tapers.actions_changes import (
    ConflictError,
    EndError,
    preview_change,
)
from apps.tapers.changes import Change
from apps.tapers.models import PlanHold, PlanVersion, TaperPlan
from apps.tapers.signable import ActivationError, Signing
from apps.tapers.today import plan_today
from tests.factories import (
    CALM,
    check_in,
    make_active_plan,
    make_patient,
    make_plan,
    sign,
    sign_too,
)
from tests.tapers.decisions import DAY_1, START, decide, later, reach_step

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(patient, prescriber) -> TaperPlan:
    """Two milligrams of clonazepam, 10 % every 14 days from 1 December."""
    return make_active_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())


def doses(version) -> list[tuple[date, Decimal]]:
    return [(step.start_on, step.daily_mg) for step in version.steps.all()]


def test_a_hold_keeps_the_dose_and_moves_every_later_date(plan, prescriber) -> None:
    before = doses(plan.version)
    version = decide(plan, prescriber, "hold", later(3), days=14)
    after = doses(version)
    assert after[0] == before[0]
    assert [day for day, _ in after[1:]] == [d + timedelta(days=14) for d, _ in before[1:]]
    assert [mg for _, mg in after] == [mg for _, mg in before]
    plan.refresh_from_db()
    assert plan.version == version
    assert doses(plan.versions.get(number=1)) == before


def test_an_open_hold_has_no_next_step_until_the_prescriber_goes_on(plan, prescriber) -> None:
    held = decide(plan, prescriber, "hold", later(3), days=None)
    assert len(doses(held)) == 1
    resumed = decide(plan, prescriber, "go_on", later(40))
    assert doses(resumed)[1][0] == START + timedelta(days=40 + 14)


def test_going_on_never_brings_a_cut_nearer_than_one_interval(plan, prescriber) -> None:
    check_in(plan.patient, CALM, now=later(2))
    hold_plan(
        patient=plan.patient, action="hold_next", rules=[], source_type="check_in",
        source_id=uuid4(), by=None, now=later(10),
    )  # fmt: skip
    # The locked cut of day 14 has passed; the dose of today is still the first one.
    assert plan_today(plan.patient, later(30)).step.number == 1
    version = decide(plan, prescriber, "go_on", later(30))
    assert plan_today(plan.patient, later(30)).step.number == 1
    assert doses(version)[1][0] == START + timedelta(days=44)
    hold = PlanHold.objects.get()
    assert (hold.released_by, hold.release_reason) == (prescriber.user, "Poor sleep")


def test_a_step_back_raises_the_dose_today_and_keeps_the_past(plan, prescriber) -> None:
    now = reach_step(plan, 3)
    before = doses(plan.version)
    version = decide(plan, prescriber, "step_back", now + timedelta(days=4), days=14)
    after = doses(version)
    today = (now + timedelta(days=4)).date()
    assert after[:3] == before[:3]
    assert after[3] == (today, before[1][1])
    assert plan_today(plan.patient, now + timedelta(days=4)).step.daily_mg == before[1][1]
    assert after[4][0] == today + timedelta(days=14)


def test_slowing_down_makes_later_steps_smaller_and_rarer(plan, prescriber) -> None:
    method = {"kind": "percent_of_current", "percent": "5"}
    version = decide(plan, prescriber, "slow", later(1), method=method, interval_days=28)
    after = doses(version)
    assert after[1][0] == START + timedelta(days=28)
    assert version.request["method"] == method
    assert version.request["interval_days"] == 28


def test_another_method_changes_only_the_future(plan, prescriber) -> None:
    now = reach_step(plan, 2)
    before = doses(plan.version)
    version = decide(plan, prescriber, "method", now, method={"kind": "fixed_mg", "mg": "0.25"})
    after = doses(version)
    assert after[:2] == before[:2]
    assert after[2][0] == before[2][0]
    assert after[2][1] == after[1][1] - Decimal("0.25")


def test_a_change_of_a_change_goes_on_from_its_rows(plan, prescriber) -> None:
    decide(plan, prescriber, "method", later(1), method={"kind": "fixed_mg", "mg": "0.25"})
    decide(plan, prescriber, "hold", later(2), days=7)
    version = decide(plan, prescriber, "goal", later(3), goal_mg="1.5")
    assert version.number == 4
    assert doses(version)[-1][1] == Decimal("1.5")
    assert doses(version)[1] == (START + timedelta(days=21), Decimal("1.75"))


def test_a_switch_half_done_can_be_held_and_goes_on(clinic, prescriber) -> None:
    patient = make_patient(clinic, slots={"morning": "0.5", "night": "0.5"})
    switch = {
        "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
        "then": {"kind": "percent_of_current", "percent": "10"},
    }  # fmt: skip
    plan = make_active_plan(
        patient, prescriber.user, now=DAY_1, start_on="2026-12-01", method=switch, goal_mg="0"
    )
    now = reach_step(plan, 2)
    assert len(plan.version.steps.get(number=2).by_slot) == 2
    version = decide(plan, prescriber, "hold", now, days=14)
    assert version.steps.last().daily_mg == 0
    changed = decide(
        plan, prescriber, "method", now, method={"kind": "percent_of_current", "percent": "5"}
    )
    assert changed.request["method"]["then"]["percent"] == "5"
    for step in changed.steps.all():
        assert sum(piece.mg for piece in step.pieces.all()) == step.daily_mg


def test_a_time_of_day_that_has_emptied_stops_no_decision(clinic, prescriber) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"morning": "1", "night": "2"})
    plan = make_active_plan(
        patient, prescriber.user, now=DAY_1, start_on=START.isoformat(), goal_mg="0",
        method={"kind": "fixed_mg", "mg": "1"},
    )  # fmt: skip
    number = next(step.number for step in plan.version.steps.all() if len(step.by_slot) == 1)
    moment = reach_step(plan, number)
    before = doses(plan.version)
    held = decide(plan, prescriber, "hold", moment, days=14)
    assert [mg for _, mg in doses(held)] == [mg for _, mg in before]
    # A method that begins with one time of day, and a step back to the dose of two.
    method = {"kind": "fixed_mg", "mg": "0.5"}
    decide(plan, prescriber, "method", moment, method=method)
    back = decide(plan, prescriber, "step_back", moment + timedelta(days=1), days=14)
    assert doses(back)[number][1] == before[number - 2][1]
    assert doses(back)[-1][1] == 0


def test_staying_at_this_dose_ends_the_cuts_not_the_medicine(plan, prescriber) -> None:
    version = decide(plan, prescriber, "stop", later(3))
    assert doses(version) == [(START, Decimal(2))]
    assert plan_today(plan.patient, later(400)).step.daily_mg == 2


def test_the_tablets_of_every_new_step_add_up(plan, prescriber) -> None:
    version = decide(plan, prescriber, "hold", later(3), days=14)
    for step in version.steps.all():
        assert sum(piece.mg for piece in step.pieces.all()) == step.daily_mg


def test_a_change_is_saved_whole_or_not_at_all(plan, prescriber, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("release refused")

    monkeypatch.setattr("apps.tapers.actions_changes.release_holds", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        decide(plan, prescriber, "hold", later(3), days=14)
    assert PlanVersion.objects.count() == 1


def test_saving_the_same_decision_twice_makes_one_version(plan, prescriber) -> None:
    first = decide(plan, prescriber, "hold", later(3), days=14, based_on=1)
    again = decide(plan, prescriber, "hold", later(3), days=14, based_on=1)
    assert first == again
    assert AuditEvent.objects.filter(event="plan.changed").count() == 1


def test_the_second_of_two_editors_is_told_who_was_first(plan, prescriber, lead) -> None:
    decide(plan, prescriber, "hold", later(3), days=14, based_on=1)
    with pytest.raises(ConflictError, match="saved version 2 while you worked on version 1"):
        decide(plan, lead, "slow", later(3), interval_days=28, based_on=1)
    assert plan.versions.count() == 2


def test_a_change_that_falls_too_fast_waits_for_a_second_prescriber(plan, prescriber, lead) -> None:
    fast = {"kind": "percent_of_current", "percent": "40"}
    with pytest.raises(ActivationError, match="faster than the guideline"):
        decide(plan, prescriber, "method", later(1), method=fast)
    reason = Signing("two_factors", "Falls every night.")
    version = decide(plan, prescriber, "method", later(1), method=fast, signing=reason)
    plan.refresh_from_db()
    assert plan.version.number == 1
    sign_too(plan, lead.user, now=later(2))
    plan.refresh_from_db()
    assert plan.version == version
    # A hold of a plan whose breach was agreed to needs no second agreement.
    held = decide(plan, prescriber, "hold", later(3), days=14)
    assert not held.needs_second


def test_a_late_second_signature_never_cuts_at_once(plan, prescriber, lead) -> None:
    fast = {"kind": "percent_of_current", "percent": "40"}
    reason = Signing("two_factors", "Falls every night.")
    decide(plan, prescriber, "method", later(1), method=fast, signing=reason)
    with pytest.raises(ActivationError, match="due already"):
        sign_too(plan, lead.user, now=later(20))


def test_a_plan_is_never_ended_abruptly(plan, prescriber) -> None:
    with pytest.raises(EndError, match="ASAM-03"):
        decide(plan, prescriber, "end", later(5))
    decide(plan, prescriber, "stop", later(5))
    for _ in range(2):
        decide(plan, prescriber, "end", later(6), based_on=2)
    plan.refresh_from_db()
    assert plan.status == "ended"
    assert AuditEvent.objects.filter(event="plan.ended").count() == 1


def test_moving_to_hospital_takes_plan_and_patient_along(plan, prescriber) -> None:
    for _ in range(2):
        decide(plan, prescriber, "inpatient", later(5), based_on=1)
    plan.refresh_from_db()
    assert (plan.status, plan.patient.status) == ("inpatient", "in_hospital")
    assert plan_today(plan.patient, later(30)) is None
    assert AuditEvent.objects.filter(event="plan.moved_to_inpatient").count() == 1


def test_a_preview_stores_nothing_and_shows_was_and_now(plan, prescriber) -> None:
    preview = preview_change(plan, Change("hold", "", {"days": 14}), later(3))
    assert plan.versions.count() == 1
    changed = [row for row in preview.rows if row.is_changed]
    assert changed[0].day == START + timedelta(days=14)
    assert (changed[0].was_dose, changed[0].now_dose, changed[0].difference) == (
        "1.75 mg", "2 mg", "higher",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("hold", {"days": 0}, "days"),
        ("hold", {"days": 1000}, "days"),
        ("step_back", {"days": 14}, "no dose before"),
        ("slow", {}, "method"),
        ("slow", {"interval_days": 7}, "interval_days"),
        ("goal", {"goal_mg": "5"}, "goal_mg"),
        ("goal", {"goal_mg": "0,5"}, "goal_mg"),
        ("method", {}, "method"),
        ("nothing", {}, "kind"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(plan, prescriber, kind, values, words) -> None:
    with pytest.raises(ClinicalError, match=words):
        decide(plan, prescriber, kind, later(3), **values)


def test_what_the_plan_said_on_a_day_stays_known(plan, prescriber) -> None:
    decide(plan, prescriber, "hold", later(3), days=14)
    versions = plan.versions
    assert versions.in_force_at(later(1)).first().number == 1
    assert versions.in_force_at(later(4)).first().number == 2
    assert versions.in_force_at(DAY_1 - timedelta(days=1)).first() is None


def test_the_drug_of_today_follows_a_switch(clinic, prescriber) -> None:
    patient = make_patient(
        clinic, drug_id="alprazolam_ir", slots={"morning": "0.5", "night": "0.5"}
    )
    switch = {
        "kind": "switch", "to_drug": "diazepam", "source": "vadod", "swap_days": 7,
        "then": {"kind": "percent_of_current", "percent": "10"},
    }  # fmt: skip
    make_active_plan(
        patient, prescriber.user, now=DAY_1, start_on=START.isoformat(), method=switch, goal_mg="5"
    )
    taken = {day: plan_today(patient, later(day)).drug_id for day in (0, 8, 15)}
    assert taken == {0: "alprazolam_ir", 8: "alprazolam_ir", 15: "diazepam"}
    assert plan_facts(patient, later(15)).drug_id == "diazepam"


SWITCH = {
    "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
    "then": {"kind": "percent_of_current", "percent": "10"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("step", "method"),
    [(1, {"kind": "percent_of_start", "percent": "10"}), (2, {**SWITCH, "swap_days": 14}),
     (3, {"kind": "percent_of_current", "percent": "5"})],
    ids=["not begun: give the switch up", "half done: slower", "done: another method"],
)  # fmt: skip
def test_a_switch_out_of_the_clinics_stock_can_be_changed_and_changed_again(
    clinic, prescriber, step, method
) -> None:
    stock = [
        {"drug": drug, "strength_mg": strength, "form": "tablet", "smallest_part": part}
        for drug, strength, part in [
            ("clonazepam", "0.5", "1/4"),
            ("diazepam", "2", "1/2"),
            ("diazepam", "5", "1/2"),
        ]
    ]
    patient = make_patient(clinic, slots={"morning": "0.5", "night": "0.5"})
    plan = make_active_plan(
        patient, prescriber.user, now=DAY_1, start_on=START.isoformat(), method=SWITCH,
        goal_mg="0.5", products=stock,
    )  # fmt: skip
    now = reach_step(plan, step) if step > 1 else later(1)
    decide(plan, prescriber, "method", now, method=method, goal_mg="0.5")
    held = decide(plan, prescriber, "hold", now + timedelta(days=1), days=7)
    assert {piece.product for row in held.steps.all() for piece in row.pieces.all()}


def test_a_schedule_printed_for_the_new_drug_never_lowers_the_old_one(clinic, prescriber) -> None:
    patient = make_patient(clinic, slots={"morning": "0.5", "night": "0.5"})
    plan = make_active_plan(
        patient, prescriber.user, now=DAY_1, start_on=START.isoformat(), method=SWITCH, goal_mg="0"
    )
    faster = {"kind": "preset", "name": "cks_faster"}
    with pytest.raises(ClinicalError, match="printed for diazepam only"):
        decide(plan, prescriber, "method", later(1), method=faster)


def test_two_drugs_are_never_added_up(clinic, prescriber) -> None:
    patient = make_patient(clinic, slots={"morning": "1", "night": "1"})
    switch = {
        "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
        "then": {"kind": "percent_of_current", "percent": "10"},
    }  # fmt: skip
    plan = make_active_plan(
        patient, prescriber.user, now=DAY_1, start_on=START.isoformat(), method=switch, goal_mg="20"
    )
    state = plan_today(patient, later(8), pieces=True)
    assert state.step.dose == "1 mg clonazepam + 20 mg diazepam"
    rows = preview_change(plan, Change("hold", "Sleeps badly.", {"days": 7}), later(8)).rows
    assert rows[0].was_dose == rows[0].now_dose == "1 mg clonazepam + 20 mg diazepam"
    moved = next(row for row in rows if row.is_changed)
    assert (moved.was_dose, moved.difference) == ("40 mg diazepam", "changed")


def test_the_same_falls_in_a_week_need_both_people_again(patient, prescriber, lead) -> None:
    """Agreed to every 28 days; every 7 days they are other falls."""
    doses = {"kind": "custom", "daily_mg": ["1.375", "0.875", "0.5", "0.25"]}
    reason = Signing("two_factors", "Falls every night.")
    plan = make_plan(
        patient, prescriber.user, now=DAY_1, start_on=START.isoformat(), goal_mg="0.25",
        method=doses, interval_days=28,
    )  # fmt: skip
    sign(plan, prescriber.user, now=DAY_1, breach_reason=reason.breach_reason)
    slow = plan.latest
    sign_too(plan, lead.user, now=DAY_1)
    with pytest.raises(ActivationError, match="faster than the guideline"):
        decide(plan, prescriber, "method", later(2), method=doses, interval_days=7)
    fast = decide(
        plan, prescriber, "method", later(2), method=doses, interval_days=7, signing=reason
    )
    plan.refresh_from_db()
    assert (fast.needs_second, plan.version) == (True, slow)
    # What makes nothing worse asks nobody twice.
    held = decide(plan, lead, "hold", later(3), days=14)
    assert (held.needs_second, plan.versions.latest("number")) == (False, held)
