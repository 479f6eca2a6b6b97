"""The clinical lead reads the audit record: clinic, patient, person, alert; each as CSV too."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.accounts.costly import costly
from apps.accounts.models import EmergencyAccess
from apps.alerts.models import Alert, Delivery
from apps.audit.actions import record, record_shown
from apps.audit.reading import of_patient, rows_of
from apps.dashboard import trail
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, csv_file, csv_links, csv_text, prove_for, wants_csv
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
    rows = of_patient(patient.pk, patient.clinic_id)
    return answer(request, rows, title, "audit_patient", patient, glass=glass)


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
    """Show who was told of this alert, who saw it, when, and what they did.

    The lists on which it stood are among them; the file holds the messages, too.
    """
    alert = fetch_in_scope(request, Alert.objects.select_related("patient"), pk=alert_id)
    rows = trail.of_clinic(alert.clinic_id).telling_of_alert(
        alert.pk, alert.patient_id, alert.opened_at, alert.resolved_at
    )
    told = alert.deliveries.select_related("recipient__user").order_by("created_at")
    title = f"Who saw alert {alert.reference}, and what they did"
    return answer(request, rows, title, "audit_alert", alert, told=told)


def answer(
    request: HttpRequest, rows: Any, title: str, name: str, obj: Any = None, **more: Any
) -> HttpResponse:
    """Show one page of the rows, or all of them as CSV; looking and taking away are on record."""
    if wants_csv(request):
        return as_file(request, rows, name, obj, more.get("told", ()))
    found = rows_of(rows, at_most=trail.PER_PAGE + 1, before=page_begins(request))
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
def as_file(
    request: HttpRequest, rows: Any, name: str, obj: Any, told: Iterable[Delivery]
) -> HttpResponse:
    """Give the rows as CSV, the newest `EXPORT_AT_MOST` of them; a file cut off says so.

    The messages in `told` stand among them by their time.
    """
    clinic = member_of(request).clinic
    found = rows_of(rows, at_most=trail.EXPORT_AT_MOST + 1)
    lines = [*trail.lines_of(found, clinic.pk), *trail.messages_of(told)]
    lines.sort(key=trail.newest_first, reverse=True)
    listing = Listing(name, trail.COLUMNS, lambda: lines)
    text, taken = csv_text(listing, clinic.tz, trail.EXPORT_AT_MOST)
    prove_for(request, {line.patient.pk for line in taken if line.patient is not None})
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


def page_begins(request: HttpRequest) -> int | None:
    """Return the number of the row before which the page begins: `?before=NUMBER`."""
    asked = request.GET.get("before", "")
    return int(asked) if asked.isdecimal() and len(asked) < 19 else None
