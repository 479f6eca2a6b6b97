"""Risk-benefit reviews: a clock, a task, a page, and the rules W16 and U23."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.clock_sweep import sweep_clocks
from apps.checkins.models import CareTask
from apps.checkins.review_actions import record_review
from apps.checkins.task_actions import TaskClosedError, close_task
from apps.patients.actions import change_status
from apps.patients.models import PdmpCheck, ReviewClock, RiskBenefitReview
from apps.patients.review_actions import ReviewDateError, set_review_policy
from apps.tapers.models import TaperPlan
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_dispensing,
    make_patient,
)

pytestmark = pytest.mark.django_db

TODAY = NOW.date()
LATER = NOW + timedelta(days=90)


def review(patient, member, now=NOW, **changes):
    values = {
        "reviewed_on": now.date(), "outcome": "taper", "note": "Sleeps; two falls.",
        "next_due_on": None, "pdmp_checked": True,
    } | changes  # fmt: skip
    return record_review(patient=patient, by=member.user, now=now, **values)


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def test_a_review_sets_the_next_clock_and_a_pdmp_check(patient, prescriber) -> None:
    first, again = (review(patient, prescriber) for _ in range(2))
    assert first == again
    assert first.next_due_on == TODAY + timedelta(days=90)
    assert ReviewClock.objects.get().due_on == first.next_due_on
    assert PdmpCheck.objects.get().checked_on == TODAY
    assert AuditEvent.objects.filter(event="review.recorded").count() == 1


def test_a_review_is_saved_with_its_audit_row_or_not_at_all(
    patient, prescriber, monkeypatch
) -> None:
    monkeypatch.setattr("apps.patients.review_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        review(patient, prescriber)
    assert not RiskBenefitReview.objects.exists()
    assert not PdmpCheck.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reviewed_on": TODAY + timedelta(days=1)}, "reviewed_on"),
        ({"reviewed_on": date(1900, 1, 1)}, "reviewed_on"),
        ({"next_due_on": TODAY + timedelta(days=91)}, "next_due_on"),
        ({"next_due_on": TODAY}, "next_due_on"),
    ],
)
def test_a_date_the_guideline_does_not_allow_is_refused(
    patient, prescriber, changes, field
) -> None:
    with pytest.raises(ReviewDateError) as caught:
        review(patient, prescriber, **changes)
    assert caught.value.field == field


@pytest.mark.parametrize("flag", ["opioid_rx", "aud", "substance_use", "heavy_alcohol"])
def test_opioids_and_substances_shorten_the_interval(clinic, prescriber, flag) -> None:
    patient = make_patient(clinic, risk={flag: True, "naloxone_on_file": True})
    assert review(patient, prescriber).next_due_on == TODAY + timedelta(days=30)
    with pytest.raises(ReviewDateError, match="within 30 days because the patient"):
        review(patient, prescriber, note="x", next_due_on=TODAY + timedelta(days=31))


def test_an_earlier_next_review_is_kept(patient, prescriber) -> None:
    review(patient, prescriber, next_due_on=TODAY + timedelta(days=10))
    assert ReviewClock.objects.get().due_on == TODAY + timedelta(days=10)


@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
def test_a_review_is_never_changed(patient, prescriber, change) -> None:
    review(patient, prescriber)
    rows = RiskBenefitReview.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(note="y") if change == "UPDATE" else rows.delete()


def test_a_clinic_sets_a_shorter_interval_and_every_clock_moves(
    clinic, other_clinic, patient, other_patient, lead
) -> None:
    for _ in range(2):
        set_review_policy(clinic=clinic, usual_days=60, strict_days=14, by=lead.user, now=NOW)
    dues = dict(ReviewClock.objects.values_list("patient", "due_on"))
    assert dues == {
        patient.pk: TODAY + timedelta(days=60), other_patient.pk: TODAY + timedelta(days=90)
    }  # fmt: skip
    assert AuditEvent.objects.filter(event="review_policy.changed").count() == 1


def test_a_task_opens_a_week_before_and_the_review_ends_it(patient, prescriber) -> None:
    assert sweep_clocks(LATER - timedelta(days=8)).reviews == 0
    soon = LATER - timedelta(days=7)
    assert sweep_clocks(soon).reviews == 1
    assert sweep_clocks(soon).reviews == 0
    task = CareTask.objects.get()
    assert (task.kind, task.due_at.date()) == ("review", LATER.date())
    review(patient, prescriber, now=soon)
    task.refresh_from_db()
    assert (task.outcome, task.done_by) == ("overtaken", prescriber.user)
    assert sweep_clocks(soon + timedelta(days=1)).reviews == 0


def test_each_renewal_calls_for_a_review_of_its_own(clinic, prescriber, nurse) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "5"})
    make_active_plan(patient, prescriber.user, method={"kind": "fixed_mg", "mg": "1"},
                     interval_days=28, goal_mg="4", start_on=TODAY.isoformat())  # fmt: skip
    given = {"product": "diazepam 5 mg tablet", "quantity": Decimal(300)}
    renewed = TODAY + timedelta(days=20)
    make_dispensing(patient, nurse.user, now=NOW, next_pickup_on=renewed, **given)
    clock = ReviewClock.objects.get()
    assert (clock.due_on, clock.owed_on) == (TODAY + timedelta(days=90), renewed)
    soon = NOW + timedelta(days=13)
    assert [sweep_clocks(NOW + timedelta(days=12)).reviews, sweep_clocks(soon).reviews] == [0, 1]
    page = signed_in(nurse).get(reverse("checkins:review_list")).text
    assert f"because the medicine is renewed on {renewed:%-d %b %Y} (ASAM-01)" in page
    page = signed_in(nurse).get(reverse("dashboard:patient", args=[patient.pk])).text
    assert f"the medicine is renewed on {renewed:%-d %b %Y}" in page
    review(patient, prescriber, now=soon)
    assert CareTask.objects.get(kind="review").outcome == "overtaken"
    assert sweep_clocks(soon + timedelta(hours=1)).reviews == 0
    # Handed out anew, and nobody reviews it: it stays owed after the next.
    for days in (40, 60):
        make_dispensing(patient, nurse.user, now=NOW + timedelta(days=days), **given)
        clock.refresh_from_db()
        assert clock.owed_on == TODAY + timedelta(days=40)
    # W16 counts days alone.
    fired = check_in(patient, CALM, now=NOW + timedelta(days=61)).triage.fired
    assert "W16_REVIEW_OVERDUE" not in [each["rule_id"] for each in fired]


def test_a_review_task_cannot_be_closed_without_the_review(patient, prescriber) -> None:
    sweep_clocks(LATER)
    task = CareTask.objects.get()
    with pytest.raises(TaskClosedError, match="Record the review"):
        close_task(task=task, by=prescriber.user, outcome="spoke", note="", now=LATER)


def test_patients_who_are_away_are_left_in_peace_and_called_again(patient, prescriber) -> None:
    sweep_clocks(LATER)
    change_status(patient=patient, status="in_hospital", by=prescriber.user, now=LATER)
    assert sweep_clocks(LATER).left_in_peace == 1
    task = CareTask.objects.get()
    assert (task.outcome, task.done_by) == ("overtaken", None)
    assert sweep_clocks(LATER + timedelta(days=1)).reviews == 0
    change_status(patient=patient, status="active", by=prescriber.user, now=LATER)
    assert sweep_clocks(LATER + timedelta(days=2)).reviews == 1


def test_who_has_come_off_is_not_reviewed(clinic, prescriber) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "5"})
    method = {"kind": "fixed_mg", "mg": "1"}
    plan = make_active_plan(patient, prescriber.user, method=method, goal_mg="0")
    last = plan.version.steps.last()
    TaperPlan.objects.update(begun_step=last.number, status="ended")
    assert last.daily_mg == 0
    assert sweep_clocks(LATER).reviews == 0


def test_a_failing_clock_stops_no_other(clinic, patient, monkeypatch) -> None:
    other = make_patient(clinic)
    bad = min(patient.pk, other.pk)
    from apps.checkins import clock_sweep

    work = clock_sweep.open_clock_task

    def fail_once(row, *rest):
        if row.pk == bad:
            raise RuntimeError("disk")
        return work(row, *rest)

    monkeypatch.setattr(clock_sweep, "open_clock_task", fail_once)
    assert sweep_clocks(LATER).reviews == 1


def test_an_overdue_review_fires_w16_at_the_next_check_in_once_a_week(patient) -> None:
    assert check_in(patient, CALM, now=LATER - timedelta(days=1)).triage.level == "none"
    fired = check_in(patient, CALM, now=LATER).triage
    assert [each["rule_id"] for each in fired.fired] == ["W16_REVIEW_OVERDUE"]
    again = check_in(patient, CALM, now=LATER + timedelta(days=1))
    assert again.triage.level == "watch"
    assert Alert.objects.count() == 1
    check_in(patient, CALM | {"s_anx": 4}, now=LATER + timedelta(days=2))
    assert Alert.objects.count() == 2
    check_in(patient, CALM, now=LATER + timedelta(days=12))
    assert Alert.objects.count() == 3


def test_w16_fires_earlier_with_an_opioid(clinic) -> None:
    patient = make_patient(clinic, risk={"opioid_rx": True, "naloxone_on_file": True})
    at = NOW + timedelta(days=30)
    assert check_in(patient, CALM, now=at - timedelta(days=1)).triage.level == "none"
    rules = check_in(patient, CALM, now=at).triage.fired
    assert [each["rule_id"] for each in rules] == ["W16_REVIEW_OVERDUE"]


def test_u23_fires_within_14_days_of_a_switch(clinic, prescriber) -> None:
    patient = make_patient(clinic, drug_id="lorazepam_ir", slots={"morning": "1", "night": "1"},
                           birth_date=date(1950, 1, 1))  # fmt: skip
    method = {"kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
              "then": {"kind": "percent_of_current", "percent": "10"}}  # fmt: skip
    plan = make_active_plan(patient, prescriber.user, method=method, goal_mg="5",
                            start_on="2026-11-16")  # fmt: skip
    TaperPlan.objects.filter(pk=plan.pk).update(begun_step=2)
    drowsy = CALM | {"red_flags": ("rf_drowsy",)}
    rules = check_in(patient, drowsy, now=NOW).triage.fired
    assert "U23_DROWSY_AFTER_SWITCH" in [each["rule_id"] for each in rules]
    step = plan.version.steps.get(number=2)
    found = next(each for each in rules if each["rule_id"].startswith("U23"))
    assert found["evidence"]["days_since_conversion"] == (TODAY - step.start_on).days


def test_the_pages_record_and_list_reviews(patient, prescriber, nurse) -> None:
    client, path = signed_in(prescriber), reverse("checkins:review_create", args=[patient.pk])
    today = timezone.localdate(timezone=patient.tz).isoformat()
    sent = {"reviewed_on": today, "outcome": "stay", "note": "Sleeps with it."}
    wrong = client.post(path, sent | {"next_due_on": "2090-01-01"})
    assert wrong.context["form"].errors["next_due_on"]
    assert "Sleeps with it." in wrong.text
    assert client.post(path, sent).status_code == 302
    page = signed_in(nurse).get(reverse("checkins:review", args=[patient.pk])).text
    assert "Sleeps with it." in page
    assert "Record a review" not in page
    assert patient.family_name in signed_in(nurse).get(reverse("checkins:review_list")).text


def test_the_list_costs_the_same_number_of_queries_for_two_and_for_twenty(
    nurse, clinic, django_assert_max_num_queries
) -> None:
    for _ in range(20):
        make_patient(clinic)
    client = signed_in(nurse)
    with django_assert_max_num_queries(12):
        client.get(reverse("checkins:review_list"))


def test_the_lead_sets_how_often(lead) -> None:
    client, path = signed_in(lead), reverse("checkins:review_policy")
    wrong = client.post(path, {"usual_days": "30", "strict_days": "60"})
    assert wrong.context["form"].errors["strict_days"]
    assert client.post(path, {"usual_days": "60", "strict_days": "20"}).status_code == 302
    assert "every 60 days, 20 with" in client.get(reverse("checkins:review_list")).text
