"""The level of care: what is suggested, who decides, and what it stands in the way of."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckInPolicy
from apps.detox.care_actions import SignOffError
from apps.detox.clocks import sweep_detox
from apps.detox.guards import inpatient_stands, level_is_settled
from apps.detox.models import CareAssessment
from apps.tapers.actions import create_plan
from apps.tapers.models import TaperPlan
from apps.tapers.signable import ActivationError
from apps.tapers.today import GATES, today_of
from tests.accounts.test_sign_in import sign_in
from tests.conftest import go_on, signed_in
from tests.factories import (
    CALM,
    NOW,
    check_in,
    make_active_plan,
    make_alert,
    make_care_level,
    make_patient,
    make_plan,
    make_referral,
    plan_request,
    sign,
)

pytestmark = pytest.mark.django_db

YES = {
    "harm": False, "unmanageable": False, "severe_withdrawal": True, "decided": "daily_contact",
}  # fmt: skip


def refuse(*args: object, **kwargs: object) -> None:
    raise IntegrityError("audit row refused")


def test_a_yes_suggests_inpatient_and_another_decision_needs_a_reason(patient, prescriber) -> None:
    with pytest.raises(SignOffError, match="suggest inpatient"):
        make_care_level(patient, prescriber.user, **YES)
    row = make_care_level(patient, prescriber.user, **YES, sign_off="Lives with a nurse.")
    assert make_care_level(patient, prescriber.user, **YES, sign_off="Lives with a nurse.") == row
    assert (row.suggested, row.decided) == ("inpatient", "daily_contact")
    assert "rec 5c" in row.because[0]
    assert AuditEvent.objects.filter(event="care_level.decided").count() == 1


def test_a_decision_is_saved_with_its_audit_row_or_not_at_all(
    patient, prescriber, monkeypatch
) -> None:
    monkeypatch.setattr("apps.detox.care_actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_care_level(patient, prescriber.user)
    assert not CareAssessment.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE detox_careassessment SET decided = 'inpatient'",
        "DELETE FROM detox_careassessment",
        "INSERT INTO detox_careassessment SELECT gen_random_uuid(), harm, unmanageable, "
        "severe_withdrawal, tier, severe_sign, 'outpatient', because, 'inpatient', '', "
        "assessed_at, assessed_by_id, clinic_id, patient_id FROM detox_careassessment",
        "INSERT INTO detox_careassessment SELECT gen_random_uuid(), true, unmanageable, "
        "severe_withdrawal, tier, severe_sign, 'outpatient', because, 'outpatient', '', "
        "assessed_at, assessed_by_id, clinic_id, patient_id FROM detox_careassessment",
    ],
    ids=["changed", "removed", "other decision unsigned", "yes without inpatient"],
)
def test_postgresql_refuses_an_impossible_decision(patient, prescriber, change) -> None:
    make_care_level(patient, prescriber.user)
    with pytest.raises(Exception, match="care_"), transaction.atomic():
        connection.cursor().execute(change)


def test_no_plan_starts_without_the_answers_nor_against_them(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    plan = create_plan(patient=patient, request=plan_request(patient), reason="First plan",
                       by=prescriber.user, now=NOW)  # fmt: skip
    with pytest.raises(ActivationError, match="level-of-care questions first"):
        sign(plan, prescriber.user)
    make_care_level(patient, prescriber.user, **YES | {"decided": "inpatient"})
    with pytest.raises(ActivationError, match="on record is inpatient"):
        sign(plan, prescriber.user)
    make_care_level(patient, prescriber.user, now=NOW + timedelta(minutes=2), **YES,
                    sign_off="No bed for a week; seen daily.")  # fmt: skip
    sign(plan, prescriber.user, now=NOW + timedelta(minutes=3))
    assert TaperPlan.objects.get().status == "active"


def test_a_severe_sign_asks_again_by_a_task_and_before_the_next_plan(
    clinic, prescriber, nurse
) -> None:
    patient = make_patient(clinic)
    plan = make_plan(patient, prescriber.user)
    later = NOW + timedelta(hours=1)
    alert = make_alert(patient, now=later)
    with pytest.raises(ActivationError, match=alert.reference):
        sign(plan, prescriber.user, now=later)
    for _ in range(2):
        sweep_detox(later)
    task = CareTask.objects.get(kind="care_level")
    page = signed_in(nurse).get(reverse("detox:care", args=[patient.pk])).text
    assert "Level of care is to be answered" in page
    make_care_level(patient, prescriber.user, now=later + timedelta(minutes=1),
                    decided="daily_contact")  # fmt: skip
    task.refresh_from_db()
    assert (task.outcome, level_is_settled(patient, later)) == ("overtaken", "")


def test_the_page_keeps_what_was_typed_and_says_what_is_missing(patient, prescriber) -> None:
    client, path = signed_in(prescriber), reverse("detox:level", args=[patient.pk])
    empty = client.post(path, {"sign_off": "Because."})
    assert empty.status_code == 422
    assert "Answer yes or no." in empty.text
    assert "Because." in empty.text
    answers = {"harm": "yes", "unmanageable": "no", "severe_withdrawal": "no"}
    signed = client.post(path, {**answers, "decided": "outpatient", "sign_off": "Watched at home."})
    assert signed.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert not patient.care_assessments.exists()
    unsigned = client.post(path, {**answers, "decided": "outpatient"})
    assert "The answers suggest: inpatient" in unsigned.text
    assert "Write why you decide otherwise" in unsigned.text
    done = client.post(path, {**answers, "decided": "inpatient"}, follow=True)
    assert "No plan starts yet." in done.text


def test_a_sign_off_is_done_after_the_proof_with_all_that_was_typed(patient, prescriber) -> None:
    client, path = sign_in(prescriber), reverse("detox:level", args=[patient.pk])
    typed = {"harm": "yes", "unmanageable": "no", "severe_withdrawal": "no",
             "decided": "outpatient", "sign_off": "Watched at home."}  # fmt: skip
    asked = client.post(path, typed)
    assert not patient.care_assessments.exists()
    go_on(client, asked)
    assert patient.care_assessments.get().sign_off == "Watched at home."


INPATIENT = YES | {"decided": "inpatient"}
DAY = timedelta(days=1)


def test_old_answers_let_no_plan_start(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    plan = make_plan(patient, prescriber.user)
    old = NOW + 30 * DAY + timedelta(minutes=1)
    assert level_is_settled(patient, NOW + 30 * DAY) == ""
    assert "more than 30 days ago" in level_is_settled(patient, old)
    other = make_patient(clinic)
    make_care_level(other, prescriber.user, now=timezone.now() - 31 * DAY)
    page = signed_in(prescriber).get(reverse("detox:care", args=[other.pk])).text
    assert "No plan starts yet." in page
    CheckInPolicy.objects.create(clinic=clinic, care_level_days=40)
    assert level_is_settled(patient, old) == ""
    CheckInPolicy.objects.update(care_level_days=10)
    with pytest.raises(ActivationError, match="more than 10 days ago"):
        sign(plan, prescriber.user, now=NOW + 11 * DAY)
    with pytest.raises(IntegrityError, match="grows_old"), transaction.atomic():
        CheckInPolicy.objects.update(care_level_days=91)


def test_inpatient_on_a_running_plan_holds_the_next_cut_and_asks_for_a_unit(
    clinic, prescriber
) -> None:
    patient = make_patient(clinic)
    plan = make_active_plan(patient, prescriber.user)
    at = NOW + DAY
    before = today_of(plan, at).step.number
    for _ in range(2):
        make_care_level(patient, prescriber.user, now=at, **INPATIENT)
    hold = plan.holds.open().get()
    assert (hold.action, hold.note) == ("hold_next", "The level of care is inpatient.")
    assert today_of(plan, at).step.number == before, "the dose of today stays"
    task = CareTask.objects.open().get(kind="no_unit")
    assert task.due_at == at + DAY
    sweep_detox(at + DAY + timedelta(minutes=1))
    assert Alert.objects.get().rules == ["D11_NO_UNIT"]
    make_care_level(
        patient, prescriber.user, now=at + 2 * DAY, **YES, sign_off="Her sister stays with her."
    )
    task.refresh_from_db()
    assert task.outcome == "overtaken"
    assert plan.holds.open().exists(), "answering a question lifts no hold"


def test_while_inpatient_stands_no_cut_begins_even_after_go_on(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    make_active_plan(patient, prescriber.user)
    due = NOW + 3 * DAY
    make_care_level(patient, prescriber.user, now=NOW + DAY, **INPATIENT)
    assert inpatient_stands(patient.pk, NOW, due) == "The level of care is inpatient."
    assert inpatient_stands in GATES
    assert inpatient_stands(patient.pk, NOW, NOW) == "", "at that time nobody had said so"
    make_care_level(
        patient, prescriber.user, now=NOW + 2 * DAY, **YES, sign_off="Her sister stays with her."
    )
    assert inpatient_stands(patient.pk, NOW, due) == ""


def test_with_a_referral_on_its_way_nobody_is_asked_for_a_unit(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    make_active_plan(patient, prescriber.user)
    make_referral(patient, prescriber.user)
    make_care_level(patient, prescriber.user, now=NOW + DAY, **INPATIENT)
    assert not CareTask.objects.open().filter(kind="no_unit").exists()


def test_daily_contact_on_a_running_plan_asks_each_day_and_misses_nobody(
    clinic, prescriber
) -> None:
    patient = make_patient(clinic)
    make_care_level(patient, prescriber.user, decided="daily_contact", sign_off="Frail.")
    patient.refresh_from_db()
    assert patient.daily_until is None, "before a plan the pace of check-ins is the plan's"
    make_active_plan(patient, prescriber.user)
    at = NOW + DAY
    make_care_level(patient, prescriber.user, now=at, decided="daily_contact", sign_off="Frail.")
    patient.refresh_from_db()
    assert patient.daily_until == (at + 14 * DAY).date()
    assert [sweep_detox(at + n * DAY).days for n in (1, 2, 2)] == [0, 1, 0]
    task = CareTask.objects.get(kind="day_missed")
    assert task.what == "No check-in on a day of daily contact"


def test_an_emergency_closed_before_the_sweep_asks_once_and_an_answer_is_enough(
    patient, nurse, prescriber
) -> None:
    make_active_plan(patient, prescriber.user)
    seen = NOW + timedelta(hours=1)
    check_in(patient, CALM | {"seizure": "yes"}, now=seen)
    alert = acknowledge_alert(alert=Alert.objects.get(), by=nurse.user, now=seen)
    resolve_alert(
        alert=alert, by=nurse.user, outcome="emergency_care", note="Ambulance is there.", now=seen
    )
    swept = seen + timedelta(minutes=1)
    assert [sweep_detox(swept).levels for _ in range(2)] == [1, 0]
    make_care_level(patient, prescriber.user, now=swept + timedelta(minutes=1))
    assert CareTask.objects.get(kind="care_level").outcome == "overtaken"
    assert sweep_detox(swept + timedelta(days=1)).levels == 0
