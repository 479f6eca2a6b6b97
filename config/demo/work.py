"""What the invented team has to do today besides alerts: calls, follow-ups, a standing order."""

from datetime import datetime, timedelta

from apps.checkins.models import CareTask
from apps.checkins.standing_actions import add_order, start_duty
from apps.checkins.task_actions import ask_for
from apps.checkins.task_team_actions import comment_task, delegate_task, open_team_task
from apps.patients.models import Clinic, Patient, Role, StaffMember


def store_work(clinic: Clinic, staff: list[StaffMember], now: datetime) -> None:
    """Leave two requests, a follow-up handed on, and an order that follows up a taper."""
    prescriber = next(m for m in staff if m.role == Role.PRESCRIBER)
    nurse = next(m for m in staff if m.role == Role.NURSE)
    tapering = clinic.patients.filter(status=Patient.Status.ACTIVE, plans__status="active")
    people = list(tapering.order_by("family_name")[:3])
    for patient, kind, minutes in zip(
        people, (CareTask.Kind.CALL_TODAY, CareTask.Kind.STAY), (95, 20), strict=False
    ):
        ask_for(patient=patient, kind=kind, now=now - timedelta(minutes=minutes))
    asked = now - timedelta(minutes=50)
    task = open_team_task(
        patient=people[-1], kind=CareTask.Kind.FOLLOW_UP, title="Call about sleep",
        by=prescriber.user, now=asked,
    )  # fmt: skip
    delegate_task(task=task, to=nurse.user, note="", by=prescriber.user, now=asked)
    comment_task(task=task, text="Best after ten.", by=prescriber.user, now=asked)
    order = add_order(
        clinic=clinic, name="Another team member follows up the taper",
        title="Call: how is the new step?", days=[3, 10], by=prescriber.user, now=asked,
    )  # fmt: skip
    start_duty(order=order, patient=people[0], owner=nurse, by=prescriber.user, now=asked)
