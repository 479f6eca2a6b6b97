"""A patient's whole record as a file for another clinic."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.exchange.actions import note_record_export
from apps.exchange.fhir.bundle import SOURCES, collection
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.exchange.forms import RecordExportForm
from apps.patients.access import fetch_patient, member_of, requires
from apps.patients.models import Patient
from apps.patients.permissions import Right, may


@require_http_methods(["GET", "POST"])
@requires(Right.EXPORT_RECORDS)
def record_export(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Say what the file holds, ask what it is for, and hand it out."""
    patient = fetch_patient(request, patient_id, Patient.objects.select_related("clinic"))
    member, now = member_of(request), timezone.now()
    form = RecordExportForm(request.POST if request.method == "POST" else None)
    with_audit = may(member, Right.READ_AUDIT)
    if request.method == "POST" and form.is_valid():
        why = form.cleaned_data["why"]
        note_record_export(patient=patient, why=why, by=member.user, now=now)
        kinds = [kind for kind in SOURCES if with_audit or kind != "AuditEvent"]
        bundle = collection(Record(patient, now), kinds)
        return fhir_file(as_json(bundle), f"record-{patient.reference}")
    context = {"patient": patient, "form": form, "with_audit": with_audit}
    status = 422 if form.is_bound else 200
    return render(request, "exchange/record_export.html", context, status=status)


def fhir_file(body: bytes, name: str) -> HttpResponse:
    """Return a FHIR file to keep; its name holds no health word."""
    response = HttpResponse(body, content_type="application/fhir+json")
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response
