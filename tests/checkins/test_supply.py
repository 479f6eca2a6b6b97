"""Supply: what was handed out, when it runs out, the task a week before and the alert."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.clock_sweep import sweep_clocks
from apps.checkins.models import CareTask
from apps.checkins.task_actions import close_task
from apps.dashboard.summaries import rule_words
from apps.patients.actions import change_status
from apps.tapers.models import Dispensing, RunOut
from apps.tapers.supply_actions import DispensingError, supply_of
from tests.conftest import signed_in
from tests.factories import NOW, make_active_plan, make_dispensing, make_patient, today
from tests.tapers.decisions import decide

pytestmark = pytest.mark.django_db

TODAY = NOW.date()
DIAZEPAM = "diazepam 5 mg tablet"
DAY = timedelta(days=1)


@pytest.fixture
def on_plan(clinic, prescriber):
    """Takes one 5 mg tablet of diazepam each night for 28 days, then less."""
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "5"})
    make_active_plan(
        patient, prescriber.user, method={"kind": "fixed_mg", "mg": "1"}, interval_days=28,
        goal_mg="4", start_on=TODAY.isoformat(),
    )  # fmt: skip
    return patient


def hand_out(patient, member, quantity, days, now=NOW, **changes):
    values = {"product": DIAZEPAM, "quantity": Decimal(quantity), "days": days} | changes
    return make_dispensing(patient, member.user, now=now, **values)


def line(patient, now=NOW):
    return next(each for each in supply_of(patient, now) if each.product == DIAZEPAM)


def test_a_dispensing_gives_a_run_out_date_by_the_plans_steps(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 20, 20)
    found = line(on_plan)
    assert (found.left, found.run_out_on) == (20, TODAY + 20 * DAY)
    row = RunOut.objects.get(product=DIAZEPAM)
    assert (row.left, row.run_out_on) == (20, found.run_out_on)
    assert AuditEvent.objects.get(event="supply.dispensed").details == {"days": 20}


@pytest.mark.parametrize("had_a_plan", [True, False])
def test_what_was_taken_before_the_plan_is_no_longer_there(
    clinic, prescriber, nurse, had_a_plan
) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "5"})
    method = {"kind": "fixed_mg", "mg": "1"}
    if had_a_plan:
        make_active_plan(
            patient, prescriber.user, method=method, interval_days=28, goal_mg="4",
            start_on=TODAY.isoformat(),
        )  # fmt: skip
    hand_out(patient, nurse, 30, 30)
    now = NOW + 20 * DAY
    for kind in ("stop", "end") if had_a_plan else ():
        decide(patient.plans.get(), prescriber, kind, now)
    make_active_plan(
        patient, prescriber.user, now=now, method=method, interval_days=28, goal_mg="4",
        start_on=(TODAY + 20 * DAY).isoformat(),
    )  # fmt: skip
    found = line(patient, now)
    assert (found.left, found.run_out_on) == (10, TODAY + 30 * DAY)


def test_after_a_stay_in_hospital_the_page_says_that_nobody_knows_what_is_left(
    on_plan, prescriber, nurse
) -> None:
    hand_out(on_plan, nurse, 30, 30)
    decide(on_plan.plans.get(), prescriber, "inpatient", NOW + DAY)
    now = NOW + 11 * DAY
    page = reverse("checkins:supply", args=[on_plan.pk])
    assert signed_in(nurse).get(page).context["stay"] is None
    on_plan.refresh_from_db()
    change_status(patient=on_plan, status="active", by=prescriber.user, now=now)
    make_active_plan(
        on_plan, prescriber.user, now=now, method={"kind": "fixed_mg", "mg": "1"},
        interval_days=28, goal_mg="4", start_on=now.date().isoformat(),
    )  # fmt: skip
    # Too early rather than too late: ten days away count as used.
    assert line(on_plan, now).left == 19
    stay = signed_in(nurse).get(page).context["stay"]
    assert (stay.left_on, stay.products) == ((NOW + DAY).date(), [DIAZEPAM])
    hand_out(on_plan, nurse, 28, 28, now=now, submission_id=uuid4())
    assert signed_in(nurse).get(page).context["stay"] is None


def test_the_same_submission_is_one_record(on_plan, nurse) -> None:
    for _ in range(2):
        hand_out(on_plan, nurse, 20, 20, submission_id=UUID(int=7))
    assert Dispensing.objects.count() == 1


def test_a_record_is_saved_with_its_audit_row_or_not_at_all(on_plan, nurse, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.tapers.supply_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        hand_out(on_plan, nurse, 20, 20)
    assert not Dispensing.objects.exists()
    assert not RunOut.objects.exists()


def test_a_correction_is_a_second_row_that_counts_in_its_place(on_plan, nurse) -> None:
    wrong = hand_out(on_plan, nurse, 60, 28)
    right = hand_out(on_plan, nurse, 6, 6, corrects=wrong, note="6, not 60")
    assert Dispensing.objects.count() == 2
    assert line(on_plan).run_out_on == TODAY + 6 * DAY
    assert list(on_plan.dispensings.effective()) == [right]
    with pytest.raises(DispensingError, match="corrected this record already"):
        hand_out(on_plan, nurse, 7, 7, corrects=wrong, submission_id=uuid4())


def test_a_record_that_never_was_is_corrected_to_nothing(on_plan, nurse) -> None:
    wrong = hand_out(on_plan, nurse, 60, 28)
    hand_out(on_plan, nurse, 0, 1, corrects=wrong)
    assert line(on_plan).left == 0


@pytest.mark.parametrize("change", ["UPDATE", "DELETE"])
def test_a_record_is_never_changed(on_plan, nurse, change) -> None:
    hand_out(on_plan, nurse, 60, 28)
    rows = Dispensing.objects.all()
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(days=3) if change == "UPDATE" else rows.delete()


def test_postgresql_refuses_an_empty_dispensing(on_plan, nurse) -> None:
    with pytest.raises(IntegrityError, match="has_quantity"), transaction.atomic():
        hand_out(on_plan, nurse, 0, 1)


def test_a_task_comes_a_week_before(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 20, 20, next_pickup_on=TODAY + 19 * DAY)
    assert not CareTask.objects.exists()
    assert sweep_clocks(NOW + 12 * DAY).supplies == 0
    assert sweep_clocks(NOW + 13 * DAY).supplies == 1
    assert sweep_clocks(NOW + 13 * DAY).supplies == 0
    task = CareTask.objects.get(kind="refill")
    assert (task.kind, task.due_at.date()) == ("refill", TODAY + 17 * DAY)
    assert not Alert.objects.exists()


def test_more_tablets_end_the_task(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 20, 20, next_pickup_on=TODAY + 19 * DAY)
    later = NOW + 14 * DAY
    sweep_clocks(later)
    hand_out(on_plan, nurse, 60, 28, now=later)
    task = CareTask.objects.get(kind="refill")
    assert (task.outcome, task.done_by) == ("overtaken", nurse.user)


def test_too_little_for_the_next_pick_up_is_told_at_once_and_once(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 14, 28)
    for days in (0, 1, 2):
        sweep_clocks(NOW + days * DAY)
    assert CareTask.objects.get().kind == "refill"
    alert = Alert.objects.get()
    assert (alert.level, alert.rules, alert.opened_at) == ("watch", ["SUPPLY_GAP"], NOW)
    assert rule_words(alert.rules) == ["The medicine runs out before the next pick-up."]


def test_an_alert_opens_by_the_rules_of_a_check_in(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 14, 28)
    for days in (6, 7, 8):
        sweep_clocks(NOW + days * DAY)
    found = Alert.objects.order_by("opened_at")
    assert [(a.level, a.rules, a.source_type) for a in found] == [
        ("watch", ["SUPPLY_GAP"], "supply"), ("watch", ["W02_SUPPLY_7"], "supply"),
    ]  # fmt: skip
    for days in (11, 12):
        sweep_clocks(NOW + days * DAY)
    urgent = Alert.objects.get(level="urgent")
    assert (urgent.rules, urgent.response_minutes) == (["U03_SUPPLY_3"], 240)
    assert Alert.objects.count() == 3


def test_a_pick_up_that_nobody_kept_is_no_pick_up(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 20, 20, next_pickup_on=TODAY + 15 * DAY)
    sweep_clocks(NOW + 15 * DAY)
    assert not Alert.objects.exists()
    sweep_clocks(NOW + 16 * DAY)
    assert Alert.objects.get().rules == ["W02_SUPPLY_7"]


def test_a_closed_task_is_not_opened_again_for_the_same_tablets(on_plan, nurse) -> None:
    hand_out(on_plan, nurse, 14, 28)
    close_task(task=CareTask.objects.get(), by=nurse.user, outcome="arranged", note="", now=NOW)
    sweep_clocks(NOW + DAY)
    assert CareTask.objects.count() == 1


@pytest.mark.parametrize("status", ["paused", "in_hospital", "deceased"])
def test_patients_who_are_away_are_left_in_peace(on_plan, nurse, status) -> None:
    hand_out(on_plan, nurse, 14, 28)
    change_status(patient=on_plan, status=status, by=nurse.user, now=NOW)
    sweep_clocks(NOW + 12 * DAY)
    assert [alert.rules for alert in Alert.objects.all()] == [["SUPPLY_GAP"]], "from before"
    assert not RunOut.objects.exists()
    assert CareTask.objects.get(kind="refill").outcome == "overtaken"
    change_status(patient=on_plan, status="active", by=nurse.user, now=NOW)
    assert sweep_clocks(NOW + 12 * DAY).supplies == 1
    assert Alert.objects.filter(level="urgent").count() == 1


def test_a_changed_plan_is_looked_at_at_once(on_plan, nurse, prescriber) -> None:
    hand_out(on_plan, nurse, 60, 28)
    before = RunOut.objects.get(product=DIAZEPAM).next_look_at
    from apps.tapers.supply_actions import look_again

    look_again(on_plan.plans.get(), NOW)
    assert RunOut.objects.get(product=DIAZEPAM).next_look_at == NOW < before


def test_without_a_record_or_a_plan_there_is_nothing_to_count(patient, on_plan, nurse) -> None:
    assert supply_of(on_plan, NOW) == []
    make_dispensing(patient, nurse.user, now=NOW)
    assert supply_of(patient, NOW) == []


def sent(**changes: str) -> dict[str, str]:
    return {"submission_id": str(uuid4()), "product": DIAZEPAM, "quantity": "20", "days": "20",
            "dispensed_on": today().isoformat()} | changes  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantity": "2,5"}, "quantity"), ({"quantity": "0"}, "quantity"),
        ({"quantity": "٣"}, "quantity"), ({"quantity": "a few"}, "quantity"),
        ({"days": "0"}, "days"), ({"days": "500"}, "days"), ({"product": "aspirin"}, "product"),
        ({"dispensed_on": "2090-01-01"}, "dispensed_on"), ({"dispensed_on": "1900-01-01"},
        "dispensed_on"), ({"next_pickup_on": "2020-01-01"}, "next_pickup_on"),
        ({"next_pickup_on": "2090-01-01"}, "next_pickup_on"),
    ],
)  # fmt: skip
def test_bad_input_is_told_beside_its_field_and_nothing_is_lost(
    on_plan, nurse, changes, field
) -> None:
    path = reverse("checkins:dispensing_create", args=[on_plan.pk])
    response = signed_in(nurse).post(path, sent(**changes))
    assert response.status_code == 422
    assert response.context["form"].errors[field]
    assert f'value="{changes.get("quantity", "20")}"' in response.text
    assert not Dispensing.objects.exists()


def test_the_pages_record_correct_and_list(on_plan, nurse) -> None:
    client = signed_in(nurse)
    supply = reverse("checkins:supply", args=[on_plan.pk])
    assert "Nothing to count yet" in client.get(supply).text
    made = client.post(reverse("checkins:dispensing_create", args=[on_plan.pk]),
                       sent(quantity="14", days="28"), follow=True)  # fmt: skip
    assert "does not last until the next pick-up" in made.text
    assert "Gone before the next pick-up" in made.text
    row = Dispensing.objects.get()
    path = reverse("checkins:dispensing_correct", args=[row.pk])
    assert 'value="14"' in client.get(path).text
    assert client.post(path, sent(quantity="28", days="28")).context["form"].errors["note"]
    client.post(path, sent(quantity="28", days="28", note="28, miscounted"))
    page = client.get(supply).text
    assert "corrects an earlier record" in page
    listed = client.get(reverse("checkins:run_outs")).text
    assert on_plan.family_name in listed
    assert AuditEvent.objects.filter(event="supply.viewed", patient_id=on_plan.pk).exists()


def test_what_is_gone_too_early_comes_before_what_is_picked_up_in_time(clinic, nurse) -> None:
    """A product nobody plans to pick up is a warning, however far off its last day is."""
    wanted = [
        ("Gone", -3, 5, "Has run out"), ("Short", 2, 5, "Gone before the next pick-up"),
        ("Unplanned", 40, None, "No pick-up is planned"), ("Fine", 1, 1, "picked up in time"),
    ]  # fmt: skip
    day = today()
    for name, days, pickup, _ in reversed(wanted):
        RunOut.objects.create(
            patient=make_patient(clinic, family_name=name), clinic=clinic, product=DIAZEPAM, left=1,
            run_out_on=day + days * DAY, next_look_at=NOW,
            next_pickup_on=None if pickup is None else day + pickup * DAY,
        )  # fmt: skip
    page = signed_in(nurse).get(reverse("checkins:run_outs")).text
    places = [page.index(words) for name, *_, state in wanted for words in (f"{name},", state)]
    assert places == sorted(places)
    assert "3 days ago" in page


def test_the_list_costs_the_same_number_of_queries_for_two_and_for_twenty(
    clinic, nurse, on_plan, django_assert_max_num_queries
) -> None:
    hand_out(on_plan, nurse, 14, 28)
    row = RunOut.objects.first()
    for _ in range(15):
        other = make_patient(clinic)
        RunOut.objects.create(patient=other, clinic=clinic, product=DIAZEPAM, left=1,
                              run_out_on=TODAY, next_look_at=row.next_look_at)  # fmt: skip
    client = signed_in(nurse)
    with django_assert_max_num_queries(12):
        client.get(reverse("checkins:run_outs"))
