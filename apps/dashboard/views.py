"""Staff pages that join the other apps: board, patient page, health."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.alerts.models import Alert
from apps.alerts.rota import on_call_now
from apps.alerts.states import AlertStatus
from apps.audit.actions import record
from apps.clinical.drugs import get_drug
from apps.dashboard import summaries
from apps.patients.access import current_member, fetch_patient, member_of, requires
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import RIGHTS, Right, may
from apps.tapers.today import plan_today

RECENT_CHECK_INS = 60


@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Show what needs somebody now, most severe and oldest first."""
    if not may(current_member(request), Right.SEE_PATIENTS):
        return render(request, "dashboard/no_clinical_rights.html", status=403)
    member = member_of(request)
    now = timezone.now()
    alerts = list(
        Alert.objects.filter(clinic_id=member.clinic_id)
        .unresolved()
        .by_urgency()
        .select_related("patient", "owner")
        .prefetch_related("deliveries__recipient__user")
    )
    for alert in alerts:
        decorate(alert, now)
    context = {
        "alerts": alerts,
        "on_call": on_call_now(member.clinic_id, now),
        "counts": {
            "open": sum(alert.status == AlertStatus.OPEN for alert in alerts),
            "acknowledged": sum(alert.status == AlertStatus.ACKNOWLEDGED for alert in alerts),
        },
        "now": now,
    }
    return render(request, "dashboard/board.html", context)


def rights_of(member: StaffMember) -> frozenset[Right]:
    """Return the rights of a member of staff."""
    return RIGHTS[member.role]


def decorate(alert: Alert, now: datetime) -> None:
    """Add what the templates show and no column holds."""
    alert.summary_lines = summaries.rule_words(alert.rules)  # type: ignore[attr-defined]
    alert.delivery_state = summaries.delivery_state(alert.deliveries.all())  # type: ignore[attr-defined]
    alert.age = summaries.since(alert.opened_at, now)  # type: ignore[attr-defined]
    alert.patient_age = alert.patient.age_on(now.date())  # type: ignore[attr-defined]


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
