"""Nobody stays "in hospital" unwatched, comes home by a select, or was there by mistake."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.alerts.models import Alert
from apps.alerts.states import TransitionError
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckInPolicy
from apps.checkins.task_actions import close_task
from apps.detox.clocks import sweep_detox
from apps.detox.discharge_actions import DischargeError
from apps.detox.referral_actions import ReferralError, move_referral
from apps.patients.actions import StatusError, change_status
from apps.patients.models import Patient
from apps.tapers.actions_clock import settle_due
from apps.tapers.signable import ActivationError
from tests.conftest import signed_in
from tests.detox.test_discharge import go_home, refuse
from tests.detox.test_stay import make_round
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_facility,
    make_referral,
    make_stay,
)
from tests.tapers.decisions import DAY_1, START, decide, later

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def admitted(patient, prescriber):
    """A patient in a unit of somebody else, by the record."""
    make_active_plan(patient, prescriber.user)
    unit = make_facility(patient.clinic, prescriber.user, is_own=False)
    referral = make_referral(patient, prescriber.user, facility=unit)
    return move(referral, prescriber, "admitted", note="")


def move(referral, member, to, now=NOW, note="Never came; the ward mixed up two names."):
    return move_referral(referral=referral, to=to, note=note, by=member.user, now=now)


def asked() -> list[CareTask]:
    return list(CareTask.objects.filter(kind="hospital").order_by("created_at"))


def test_after_seven_days_a_task_asks_then_alerts_and_asks_again(admitted, nurse) -> None:
    assert sweep_detox(NOW + 7 * DAY - timedelta(minutes=1)).in_hospital == 0
    assert [sweep_detox(NOW + 7 * DAY).in_hospital for _ in range(2)] == [1, 0]
    sweep_detox(NOW + 8 * DAY + timedelta(minutes=1))
    assert [alert.rules for alert in Alert.objects.all()] == [["D13_STILL_IN_HOSPITAL"]]
    (task,) = asked()
    said = NOW + 9 * DAY
    close_task(task=task, by=nurse.user, outcome="done", note="Still there.", now=said)
    assert sweep_detox(said + 6 * DAY).in_hospital == 0
    assert sweep_detox(said + 7 * DAY).in_hospital == 1
    assert len(asked()) == 2


def test_the_clinic_decides_after_how_many_days(admitted, patient, prescriber) -> None:
    CheckInPolicy.objects.create(clinic=patient.clinic, hospital_days=3)
    assert sweep_detox(NOW + 3 * DAY).in_hospital == 1
    with pytest.raises(IntegrityError, match="hospital_is_asked"), transaction.atomic():
        CheckInPolicy.objects.update(hospital_days=0)


def test_a_mark_older_than_the_column_is_asked_after_at_once(patient, prescriber) -> None:
    Patient.objects.filter(pk=patient.pk).update(
        status="in_hospital", registered_at=NOW - 30 * DAY, in_hospital_since=None
    )
    assert sweep_detox(NOW).in_hospital == 1


def test_who_comes_home_is_asked_after_no_more(patient, prescriber) -> None:
    change_status(patient=patient, status="in_hospital", by=prescriber.user, now=NOW)
    sweep_detox(NOW + 7 * DAY)
    change_status(patient=patient, status="active", by=prescriber.user, now=NOW + 7 * DAY)
    sweep_detox(NOW + 7 * DAY)
    assert [task.outcome for task in asked()] == ["overtaken"]
    patient.refresh_from_db()
    assert patient.in_hospital_since is None


def test_in_a_bed_of_the_clinic_rounds_are_asked_for_instead(patient, prescriber) -> None:
    make_stay(patient, prescriber.user)
    assert sweep_detox(NOW + 30 * DAY).in_hospital == 0


@pytest.mark.parametrize("wanted", ["active", "paused", "ended"])
def test_no_select_brings_home_whom_a_unit_has(admitted, patient, prescriber, wanted) -> None:
    patient.refresh_from_db()
    with pytest.raises(StatusError, match="record the discharge"):
        change_status(patient=patient, status=wanted, by=prescriber.user, now=NOW)
    path = reverse("patients:status", args=[patient.pk])
    page = signed_in(prescriber).post(path, {"status": wanted}, follow=True)
    assert "record the discharge" in page.text
    patient.refresh_from_db()
    assert patient.status == "in_hospital"
    change_status(patient=patient, status="deceased", by=prescriber.user, now=NOW)
    assert patient.status == "deceased"


@pytest.mark.parametrize("wanted", ["active", "paused", "ended"])
def test_deceased_is_no_way_round_the_guards(admitted, patient, prescriber, wanted) -> None:
    for _ in range(2):  # once from hospital, once after the slip was taken back
        patient.refresh_from_db()
        change_status(patient=patient, status="deceased", by=prescriber.user, now=NOW)
        with pytest.raises(StatusError, match="set “In hospital” again"):
            change_status(patient=patient, status=wanted, by=prescriber.user, now=NOW)
        change_status(patient=patient, status="in_hospital", by=prescriber.user, now=NOW)
        with pytest.raises(StatusError, match="record the discharge"):
            change_status(patient=patient, status=wanted, by=prescriber.user, now=NOW)
    patient.refresh_from_db()
    assert (patient.status, patient.in_hospital_since) == ("in_hospital", NOW)
    slips = AuditEvent.objects.filter(event="patient.status_changed").order_by("pk")
    assert [(each.details["before"], each.details["status"]) for each in slips][1:] == [
        ("in_hospital", "deceased"),
        ("deceased", "in_hospital"),
    ] * 2


def test_what_a_unit_has_on_record_stands_whatever_the_status_says(
    admitted, patient, prescriber
) -> None:
    Patient.objects.filter(pk=patient.pk).update(status="deceased", status_before_death="")
    patient.refresh_from_db()
    for wanted, why in (("active", "record the discharge"), ("ended", "set “Active” again")):
        with pytest.raises(StatusError, match=why):
            change_status(patient=patient, status=wanted, by=prescriber.user, now=NOW)


def test_from_deceased_to_ended_the_guards_of_leaving_are_asked(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    Patient.objects.filter(pk=patient.pk).update(status="deceased", status_before_death="ended")
    with pytest.raises(StatusError, match="nobody may be left to stop at once"):
        change_status(patient=patient, status="ended", by=prescriber.user, now=NOW)
    change_status(patient=patient, status="active", by=prescriber.user, now=NOW)
    assert patient.status_before_death == ""


def test_no_act_of_a_unit_wakes_somebody_the_record_calls_dead(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    change_status(patient=patient, status="deceased", by=prescriber.user, now=NOW)
    with pytest.raises(DischargeError, match="By the record the patient died"):
        go_home(stay, prescriber)
    stay.refresh_from_db()
    assert stay.status == "current"


def test_no_admission_wakes_somebody_the_record_calls_dead(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    unit = make_facility(patient.clinic, prescriber.user, is_own=False)
    referral = make_referral(patient, prescriber.user, facility=unit)
    change_status(patient=patient, status="deceased", by=prescriber.user, now=NOW)
    with pytest.raises(ReferralError, match="set “Active” again"):
        move(referral, prescriber, "admitted", note="")
    with pytest.raises(ActivationError, match="set “Active” again"):
        decide(plan, prescriber, "inpatient", NOW + timedelta(hours=1))
    plan.refresh_from_db()
    assert plan.status == "active"


def test_an_admission_that_never_was_is_withdrawn_with_a_reason(admitted, patient, nurse) -> None:
    with pytest.raises(ReferralError, match="Write down why"):
        move(admitted, nurse, "withdrawn", note=" ")
    page = signed_in(nurse).get(reverse("detox:referral", args=[admitted.pk])).text
    assert "Withdraw the admission" in page
    path = reverse("detox:referral_move", args=[admitted.pk])
    assert (
        signed_in(nurse).post(path, {"to": "withdrawn", "note": "Never came."}).status_code == 302
    )
    patient.refresh_from_db()
    assert (patient.status, patient.in_hospital_since) == ("active", None)
    plan = patient.plans.get()
    assert plan.status == "active"
    assert plan.holds.open().exists(), "the next cut stays held"
    assert {task.kind for task in CareTask.objects.open()} == {"no_unit"}
    assert AuditEvent.objects.filter(event="referral.withdrawn").count() == 1
    assert AuditEvent.objects.filter(event="patient.status_changed").count() == 2
    with pytest.raises(TransitionError):
        move(admitted, nurse, "admitted")


def test_an_empty_bed_is_given_back_and_a_used_one_is_not(patient, prescriber, nurse) -> None:
    make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    move(stay.referral, nurse, "withdrawn")
    stay.refresh_from_db()
    assert (stay.status, stay.next_round_at) == ("withdrawn", None)
    assert sweep_detox(NOW + DAY).rounds == 0
    used = make_stay(patient, prescriber.user, now=NOW + DAY)
    make_round(used, nurse, NOW + DAY)
    with pytest.raises(ReferralError, match="on record"):
        move(used.referral, nurse, "withdrawn", NOW + DAY)
    path = reverse("detox:referral_move", args=[used.referral_id])
    page = signed_in(nurse).post(path, {"to": "withdrawn", "note": "Never came."})
    assert "the patient was there" in page.text


def test_a_withdrawn_admission_is_saved_with_its_audit_row_or_not_at_all(
    admitted, patient, nurse, monkeypatch
) -> None:
    monkeypatch.setattr("apps.detox.referral_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        move(admitted, nurse, "withdrawn")
    patient.refresh_from_db()
    admitted.refresh_from_db()
    assert (patient.status, admitted.status) == ("in_hospital", "admitted")


def refer(patient, member, is_own):
    unit = make_facility(patient.clinic, member.user, is_own=is_own, now=DAY_1)
    return make_referral(patient, member.user, facility=unit, now=DAY_1)


def admit_elsewhere(patient, member) -> None:
    move(refer(patient, member, False), member, "admitted", now=DAY_1, note="")


def mark(status):
    def by_select(patient, member) -> None:
        change_status(patient=patient, status=status, by=member.user, now=DAY_1)

    return by_select


GATED = {
    "referred": (lambda patient, member: refer(patient, member, False), "is not over"),
    "admitted elsewhere": (admit_elsewhere, "“in hospital”: no cut"),
    "in an own bed": (lambda patient, member: make_stay(patient, member.user, now=DAY_1), "“in h"),
    "in hospital by select": (mark("in_hospital"), "“in hospital”: no cut"),
    "paused": (mark("paused"), "“paused”: no cut"),
}


@pytest.mark.parametrize("how", GATED)
def test_no_cut_begins_of_whom_the_clinic_does_not_follow_at_home(patient, prescriber, how) -> None:
    """Also after a decision, which releases the hold of a referral: the dose stays."""
    plan = make_active_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())
    check_in(patient, CALM, now=DAY_1)
    away, why = GATED[how]
    away(patient, prescriber)
    slower = {"interval_days": 14, "method": {"kind": "percent_of_current", "percent": "10"}}
    decide(plan, prescriber, "slow", DAY_1, **slower)
    assert not plan.holds.open().exists()
    check_in(patient, CALM, now=later(10))
    settle_due(later(20))
    plan.refresh_from_db()
    assert plan.begun_step == 1
    assert why in plan.holds.open().get().note


def test_a_cut_begins_when_the_referral_is_over_before_it_is_due(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())
    referral = refer(patient, prescriber, False)
    decide(
        plan, prescriber, "slow", DAY_1, interval_days=14,
        method={"kind": "percent_of_current", "percent": "10"},
    )  # fmt: skip
    check_in(patient, CALM, now=later(10))
    move(referral, prescriber, "withdrawn", now=later(11))
    settle_due(later(20))
    plan.refresh_from_db()
    assert plan.begun_step == 2
