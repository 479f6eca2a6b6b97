"""The patient page, and what other pages of this app borrow from it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.audit.actions import record
from apps.clinical.drugs import get_drug
from apps.dashboard import summaries
from apps.dashboard.board import decorate
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import RIGHTS, Right
from apps.tapers.today import plan_today

RECENT_CHECK_INS = 60


def rights_of(member: StaffMember) -> frozenset[Right]:
    """Return the rights of a member of staff."""
    return RIGHTS[member.role]


def plan_summary(patient: Patient, now: datetime) -> dict[str, Any] | None:
    """Return the active plan's step in force, and whether the next cut is locked."""
    state = plan_today(patient, now, pieces=True)
    if state is None:
        return None
    return {
        "plan": state.plan,
        "version": state.version,
        "drug": get_drug(state.drug_id).name,
        "current": state.step,
        "next": state.next,
        "held": state.is_locked,
        "holds": state.holds,
        "locked_because": state.locked_because,
        "steps": state.steps,
    }


@require_GET
@requires(Right.SEE_PATIENTS)
def patient_detail(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show one patient: dose, check-ins, alerts, plan."""
    patient = fetch_patient(
        request, patient_id, Patient.objects.select_related("medication", "risk", "clinic")
    )
    now = timezone.now()
    check_ins = list(
        patient.check_ins.select_related("triage").order_by("-received_at")[:RECENT_CHECK_INS]
    )
    summary = plan_summary(patient, now)
    alerts = list(
        patient.alerts.select_related("patient", "owner")
        .prefetch_related("deliveries__recipient__user")
        .order_by("-opened_at")[:20]
    )
    for alert in alerts:
        decorate(alert, now)
    saw(request, "patient.viewed", patient, patient)
    context = {
        "patient": patient,
        "age": patient.age_on(now.date()),
        "medication": patient.medication,
        "drug": get_drug(patient.medication.drug_id),
        "risk": patient.risk,
        "plan_summary": summary,
        "plans": patient.plans.order_by("-created_at"),
        "check_ins": check_ins,
        "alerts": alerts,
        "chart": summaries.chart_points(
            summary["steps"] if summary else [], check_ins, now.astimezone(patient.tz).date()
        ),
        "rights": rights_of(member_of(request)),
    }
    return render(request, "dashboard/patient_detail.html", context)


def saw(request: HttpRequest, event: str, patient: Patient, obj: Any) -> None:
    """Write down that the reader looked at a patient."""
    record(
        event,
        by=member_of(request).user,
        now=timezone.now(),
        clinic_id=patient.clinic_id,
        patient_id=patient.pk,
        obj=obj,
    )
