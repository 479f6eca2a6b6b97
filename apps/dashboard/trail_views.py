"""The clinical lead reads the audit record: clinic, patient, person, alert; each as CSV too."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.accounts.costly import costly
from apps.accounts.models import EmergencyAccess
from apps.alerts.models import Alert
from apps.audit.actions import record, record_shown
from apps.audit.models import AuditEvent
from apps.audit.reading import rows_about
from apps.dashboard import trail
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, csv_file, csv_links, csv_text, wants_csv
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
    opened = EmergencyAccess.objects.filter(patient=patient).select_related("member__user")
    title, glass = f"Record of {patient.full_name}", opened.order_by("-opened_at")
    return answer(request, None, title, "audit_patient", patient, glass=glass)


@require_GET
@requires(Right.READ_AUDIT)
def person_trail(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """Show what one person on the staff did and saw, their sign-ins included."""
    person = fetch_in_scope(request, StaffMember.objects.select_related("user"), pk=member_id)
    mine = trail.of_clinic(person.clinic_id)
    rows = mine.filter(actor_id=person.user_id) | mine.filter(object_id=person.user_id)
    return answer(request, rows, f"What {person.user.full_name} did", "audit_person", person)


@require_GET
@requires(Right.READ_AUDIT)
def alert_trail(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Show who saw this alert, when, and what they did."""
    alert = fetch_in_scope(request, Alert.objects.select_related("patient"), pk=alert_id)
    rows = trail.of_clinic(alert.clinic_id).filter(object_id=alert.pk)
    told = alert.deliveries.select_related("recipient__user").order_by("created_at")
    title = f"Who saw alert {alert.reference}, and what they did"
    return answer(request, rows, title, "audit_alert", alert, told=told)


def answer(
    request: HttpRequest, rows: Any, title: str, name: str, obj: Any = None, **more: Any
) -> HttpResponse:
    """Show one page of the rows, or all of them as CSV; looking and taking away are on record.

    Without `rows` they are those of the patient `obj`, the lists that showed them included.
    """
    if wants_csv(request):
        return as_file(request, rows, name, obj)
    found = read(request, rows, obj, trail.PER_PAGE + 1, paged=True)
    shown = found[: trail.PER_PAGE]
    lines = trail.lines_of(shown, member_of(request).clinic_id)
    write_down(request, "audit.viewed", obj, lines)
    context = {
        "lines": lines, "title": title, "obj": obj, **more,
        "older": shown[-1].pk if len(found) > trail.PER_PAGE else None,
        "csv_links": csv_links(request, [Listing(name, trail.COLUMNS, lambda: lines)]),
    }  # fmt: skip
    return render(request, "dashboard/trail.html", context)


@costly
def as_file(request: HttpRequest, rows: Any, name: str, obj: Any) -> HttpResponse:
    """Give the rows as CSV, the newest `EXPORT_AT_MOST` of them; a file cut off says so."""
    clinic = member_of(request).clinic
    found = read(request, rows, obj, trail.EXPORT_AT_MOST + 1, paged=False)
    lines = trail.lines_of(found, clinic.pk)
    listing = Listing(name, trail.COLUMNS, lambda: lines)
    text, taken = csv_text(listing, clinic.tz, trail.EXPORT_AT_MOST)
    write_down(request, "audit.exported", obj, taken)
    return csv_file(text, name, timezone.localdate(timezone=clinic.tz))


def write_down(request: HttpRequest, event: str, obj: Any, lines: list[trail.Line]) -> None:
    """Note that the record itself was read or taken away, and whose it was.

    Whoever is named on it has that in their own trail, too.
    """
    member, now = member_of(request), timezone.now()
    patient_id = obj.pk if isinstance(obj, Patient) else getattr(obj, "patient_id", None)
    record(
        event, by=member.user, now=now, clinic_id=member.clinic_id, patient_id=patient_id,
        obj=obj, rows=len(lines),
    )  # fmt: skip
    named = {line.patient.pk for line in lines if line.patient is not None} - {patient_id}
    if named:
        record_shown(
            "trail.viewed", patients=named, by=member.user, now=now, clinic_id=member.clinic_id
        )


def read(
    request: HttpRequest, rows: Any, obj: Any, at_most: int, *, paged: bool
) -> list[AuditEvent]:
    """Return so many of the rows, newest first, from `?before=NUMBER` on."""
    asked = request.GET.get("before", "") if paged else ""
    before = int(asked) if asked.isdecimal() and len(asked) < 19 else None
    if rows is None:
        return rows_about(obj.pk, obj.clinic_id, at_most=at_most, before=before)
    return list((rows if before is None else rows.filter(pk__lt=before))[:at_most])
