"""The clinical lead reads the audit record: clinic, patient, person, alert; each as CSV too."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.accounts.models import EmergencyAccess
from apps.alerts.models import Alert
from apps.audit.actions import record
from apps.dashboard import trail
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import Right


@require_GET
@requires(Right.READ_AUDIT)
def clinic_trail(request: HttpRequest) -> HttpResponse:
    """Show everything on record in this clinic, newest first."""
    rows = trail.of_clinic(member_of(request).clinic_id)
    return answer(request, rows, "Everything on record", "audit")


@require_GET
@requires(Right.READ_AUDIT)
def patient_trail(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show who did or saw what of one patient."""
    patient = fetch_patient(request, patient_id)
    rows = trail.of_clinic(patient.clinic_id).filter(patient_id=patient.pk)
    opened = EmergencyAccess.objects.filter(patient=patient).select_related("member__user")
    title, glass = f"Record of {patient.full_name}", opened.order_by("-opened_at")
    return answer(request, rows, title, "audit-patient", patient, glass=glass)


@require_GET
@requires(Right.READ_AUDIT)
def person_trail(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Show what one person on the staff did and saw, their sign-ins included."""
    person = fetch_in_scope(request, StaffMember.objects.select_related("user"), pk=member_id)
    mine = trail.of_clinic(person.clinic_id)
    rows = mine.filter(actor_id=person.user_id) | mine.filter(object_id=person.user_id)
    return answer(request, rows, f"What {person.user.full_name} did", "audit-person", person)


@require_GET
@requires(Right.READ_AUDIT)
def alert_trail(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Show who saw this alert, when, and what they did."""
    alert = fetch_in_scope(request, Alert.objects.select_related("patient"), pk=alert_id)
    rows = trail.of_clinic(alert.clinic_id).filter(object_id=alert.pk)
    told = alert.deliveries.select_related("recipient__user").order_by("created_at")
    title = f"Who saw alert {alert.reference}, and what they did"
    return answer(request, rows, title, "audit-alert", alert, told=told)


def answer(
    request: HttpRequest, rows: Any, title: str, name: str, obj: Any = None, **more: Any
) -> HttpResponse:
    """Show one page of the rows, or all of them as CSV; looking and taking away are on record."""
    member, wants_csv = member_of(request), request.GET.get("as") == "csv"
    patient_id = obj.pk if isinstance(obj, Patient) else getattr(obj, "patient_id", None)
    rows, older = (rows[: trail.EXPORT_AT_MOST], None) if wants_csv else page_of(request, rows)
    lines = trail.lines_of(rows, member.clinic_id)
    record(
        "audit.exported" if wants_csv else "audit.viewed",
        by=member.user, now=timezone.now(), clinic_id=member.clinic_id, patient_id=patient_id,
        obj=obj, rows=len(lines),
    )  # fmt: skip
    if wants_csv:
        text = trail.csv_of(lines, member.clinic.tz)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
    context = {"lines": lines, "title": title, "older": older, "obj": obj, **more}
    return render(request, "dashboard/trail.html", context)


def page_of(request: HttpRequest, rows: Any) -> tuple[list[Any], int | None]:
    """Return the rows before `?before=NUMBER`, and where the next page begins."""
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    found = list(rows[: trail.PER_PAGE + 1])
    shown = found[: trail.PER_PAGE]
    return shown, shown[-1].pk if len(found) > trail.PER_PAGE else None
