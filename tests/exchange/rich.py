"""A patient with something of everything, by the real actions. Fictional."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.checkins.actions import Submission, submit_check_in
from apps.checkins.kept_actions import keep_as_given
from apps.checkins.link_actions import LinkExpiredError
from apps.checkins.models import CareTask, CheckIn
from apps.checkins.task_actions import close_task
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.patients.models import Patient, StaffMember
from apps.tapers.actions_changes import change_plan
from apps.tapers.changes import Change
from apps.tapers.signable import Signing
from tests.factories import (
    CALM,
    NOW,
    SEIZURE,
    make_active_plan,
    make_dispensing,
    make_patient,
    make_plan,
    put_on_call,
)

WEEKLY: dict[str, Any] = {
    **{f"phq9_{n}": 1 for n in range(1, 10)}, **{f"gad7_{n}": 2 for n in range(1, 8)},
    "sleep_hours": Decimal("6.5"), "interdose": "no", "new_meds": False, "w_tired": 2,
    "note": "Better <than> last week & calm.",
}  # fmt: skip


def weekly(patient: Patient, answers: dict[str, Any], now: Any) -> CheckIn:
    """Return a submitted weekly check-in."""
    return submit_check_in(
        patient=patient, questionnaire=get_questionnaire("weekly", LATEST["weekly"]),
        answers=answers, submission_id=uuid4(), language="en", reported_at=now, now=now,
    )  # fmt: skip


def daily(patient: Patient, answers: dict[str, Any], now: Any, requests: Any = ()) -> CheckIn:
    """Return a submitted daily check-in in Spanish."""
    return submit_check_in(
        patient=patient, questionnaire=get_questionnaire("daily", LATEST["daily"]),
        answers=answers, submission_id=uuid4(), language="es", reported_at=now, now=now,
        requests=requests,
    )  # fmt: skip


def only_kept(patient: Patient, answers: dict[str, Any], now: Any) -> CheckIn:
    """Return weekly answers that came after their link had ended."""
    sent = Submission(
        questionnaire=get_questionnaire("weekly", LATEST["weekly"]), answers=answers,
        submission_id=uuid4(), language="en", reported_at=now,
    )  # fmt: skip
    return keep_as_given(
        patient=patient, sent=sent, felt_at=now, refusal=LinkExpiredError(), by="test", now=now
    )


def make_rich(prescriber: StaffMember, nurse: StaffMember) -> Patient:
    """Return a patient with a plan changed once, a second draft, check-ins, an alert, supply."""
    put_on_call(nurse)
    patient = make_patient(
        prescriber.clinic, email="wren@home.example", emergency_contact="Robin, 555-0111",
        sex="female", address="1 <Elm> & Oak Street",
        risk={"cns_lesion": None, "aud": True, "opioid_rx": True},
        medication={"reason": "panic"},
    )  # fmt: skip
    plan = make_active_plan(patient, prescriber.user)
    daily(patient, CALM, NOW + timedelta(hours=1), ("stay",))
    weekly(patient, WEEKLY, NOW + timedelta(hours=2))
    only_kept(patient, WEEKLY | {"note": "Of last month."}, NOW + timedelta(hours=2))
    change_plan(
        plan=plan, change=Change("hold", "Sleeps badly.", {"days": 14}), based_on=1,
        signing=Signing("two_factors"), by=prescriber.user, now=NOW + timedelta(hours=3),
    )  # fmt: skip
    daily(patient, SEIZURE, NOW + timedelta(hours=4), ("call_today",))
    alert = Alert.objects.get(patient=patient, level="emergency")
    at = NOW + timedelta(hours=5)
    acknowledge_alert(alert=alert, by=nurse.user, now=at)
    resolve_alert(alert=alert, outcome="spoke", note="Seen at once.", by=nurse.user, now=at)
    task = CareTask.objects.filter(patient=patient, kind="stay").get()
    close_task(task=task, outcome="held", note="Stays.", by=nurse.user, now=at)
    given = make_dispensing(patient, nurse.user, now=at)
    make_dispensing(
        patient, nurse.user, now=at + timedelta(minutes=1), quantity=Decimal(28), corrects=given,
        note="Counted again.",
    )  # fmt: skip
    return patient


def make_switching(prescriber: StaffMember) -> Patient:
    """Return a patient whose draft switches to another medicine."""
    patient = make_patient(prescriber.clinic)
    switch = {
        "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
        "then": {"kind": "percent_of_current", "percent": "10"},
    }  # fmt: skip
    make_plan(patient, prescriber.user, method=switch, goal_mg="10")
    return patient
