"""A patient's whole record as a file for another clinic."""

from typing import Final
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.costly import costly
from apps.accounts.proof import require_recent_proof
from apps.audit.actions import record
from apps.exchange.actions import note_record_export
from apps.exchange.brought import UNREAD, lines_of
from apps.exchange.fhir.bundle import collection
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.exchange.forms import RecordExportForm
from apps.exchange.models import KeptResource, RecordImport
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right, may

PER_PAGE: Final = 50
COLUMNS: Final = (
    ("What", "kind"), ("When", "when"), ("State", "status"),
    ("What it says", lambda line: " ".join(line.words)),
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.EXPORT_RECORDS)
@costly
def record_export(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Say what the file holds, ask what it is for, and hand it out."""
    patient = fetch_patient(request, patient_id, Patient.objects.select_related("clinic"))
    member, now = member_of(request), timezone.now()
    form = RecordExportForm(request.POST if request.method == "POST" else None)
    with_audit = may(member, Right.READ_AUDIT)
    if request.method == "POST" and form.is_valid():
        act = f"Take the whole record of {patient.reference} along"
        require_recent_proof(request, act, is_file=True)
        why = form.cleaned_data["why"]
        note_record_export(patient=patient, why=why, by=member.user, now=now)
        bundle = collection(Record(patient, now), with_audit=with_audit)
        return fhir_file(as_json(bundle), f"record-{patient.reference}")
    context = {"patient": patient, "form": form, "with_audit": with_audit}
    status = 422 if form.is_bound else 200
    return render(request, "exchange/record_export.html", context, status=status)


@require_GET
@requires(Right.SEE_PATIENTS)
def record_brought(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show what came with the record from elsewhere, the newest first."""
    patient, member = fetch_patient(request, patient_id), member_of(request)
    found = RecordImport.objects.filter(patient=patient).select_related("imported_by").first()
    bodies = KeptResource.objects.filter(patient=patient).exclude(kind__in=UNREAD)
    lines = lines_of(bodies.values_list("body", flat=True))
    record(
        "record.brought_viewed", by=member.user, now=timezone.now(), clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=patient,
    )  # fmt: skip
    page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    context = {"patient": patient, "found": found, "page_obj": page}
    listing = Listing("brought_in", COLUMNS, lambda: lines, of=patient)
    return show_list(request, listing, "exchange/record_brought.html", context)


def fhir_file(body: bytes, name: str) -> HttpResponse:
    """Return a FHIR file to keep; its name holds no health word."""
    response = HttpResponse(body, content_type="application/fhir+json")
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response
