"""Staff pages of supply: one patient's, recording and correcting a dispensing, run-outs."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Case, F, Q, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.audit.actions import record
from apps.checkins.supply_actions import record_dispensing
from apps.checkins.supply_forms import DispensingForm
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.tapers.models import Dispensing, RunOut
from apps.tapers.supply_actions import DispensingError, supply_of, uncounted_stay
from apps.tapers.today import plan_today

PER_PAGE = 50
# Picked up before it is gone; where no pick-up is planned, nobody knows of one.
STATES = {
    "gone": "gone", "unplanned": "no pick-up planned", "short": "gone before the pick-up",
    "in_time": "picked up in time",
}  # fmt: skip
COLUMNS = (
    ("Dispensed", "dispensed_on"), ("Product", "product"), ("Quantity", "quantity"),
    ("For days", "days"), ("Next pick-up", "next_pickup_on"), ("Note", "note"),
    ("Recorded", "recorded_at"), ("By", "recorded_by.full_name"),
    ("Corrects an earlier record", lambda row: row.corrects_id is not None),
    ("Corrected later", lambda row: hasattr(row, "correction")),
)  # fmt: skip
RUN_OUT_COLUMNS = (
    ("Reference", "row.patient.reference"), ("Family name", "row.patient.family_name"),
    ("Given name", "row.patient.given_name"), ("Product", "row.product"),
    ("Runs out", "row.run_out_on"), ("In days", "days"), ("Next pick-up", "row.next_pickup_on"),
    ("State", lambda line: STATES[line["state"]]),
)  # fmt: skip
IN_TIME = Q(run_out_on__gte=F("next_pickup_on"))


@require_GET
@requires(Right.SEE_PATIENTS)
def supply(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show what one patient has at home, when it runs out, and every record."""
    rows = Patient.objects.select_related("medication", "clinic")
    patient, now = fetch_patient(request, patient_id, rows), timezone.now()
    record("supply.viewed", by=member_of(request).user, now=now, clinic_id=patient.clinic_id,
           patient_id=patient.pk, obj=patient)  # fmt: skip
    lines = supply_of(patient, now)
    records = patient.dispensings.select_related("recorded_by", "correction")
    context = {
        "patient": patient,
        "lines": lines,
        "stay": uncounted_stay(patient, lines),
        "plan": plan_today(patient, now),
        "records": records,
    }
    listing = Listing("supply", COLUMNS, lambda: records, of=patient)
    return show_list(request, listing, "checkins/supply.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.RECORD_SUPPLY)
def dispensing_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Record what was handed out."""
    patient = fetch_patient(request, patient_id, Patient.objects.select_related("medication"))
    today = timezone.localdate(timezone=patient.tz)
    return dispensing_form(request, patient, None, {"dispensed_on": today})


@require_http_methods(["GET", "POST"])
@requires(Right.RECORD_SUPPLY)
def dispensing_correct(request: HttpRequest, dispensing_id: UUID) -> HttpResponse:
    """Correct a record by a second one."""
    rows = Dispensing.objects.select_related("patient__medication")
    row: Dispensing = fetch_in_scope(request, rows, pk=dispensing_id)
    return dispensing_form(request, row.patient, row, DispensingForm.initial_of(row))


def dispensing_form(
    request: HttpRequest, patient: Patient, corrects: Dispensing | None, initial: dict[str, Any]
) -> HttpResponse:
    """Show and save the form of both."""
    data = request.POST if request.method == "POST" else None
    form = DispensingForm(data, patient=patient, corrects=corrects, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            record_dispensing(
                patient=patient, corrects=corrects, by=member_of(request).user,
                now=timezone.now(), **form.cleaned_data,
            )  # fmt: skip
        except DispensingError as wrong:
            form.add_error(wrong.field, str(wrong))
        else:
            say_what_follows(request, patient)
            return redirect("checkins:supply", patient.pk)
    context = {"patient": patient, "form": form, "corrects": corrects}
    status = 422 if form.is_bound else 200
    return render(request, "checkins/dispensing_form.html", context, status=status)


def say_what_follows(request: HttpRequest, patient: Patient) -> None:
    """Say that it is recorded, and whether it lasts until the next pick-up."""
    short = [line for line in supply_of(patient, timezone.now()) if line.is_short and line.last]
    if short:
        messages.warning(request, "Recorded. It does not last until the next pick-up: see below.")
    else:
        messages.success(request, "Recorded.")


@require_GET
@requires(Right.SEE_PATIENTS)
def run_out_list(request: HttpRequest) -> HttpResponse:
    """List what runs out in the clinic: first what is gone too early, the soonest first."""
    today = timezone.localdate()
    rows = (
        RunOut.objects.filter(clinic=member_of(request).clinic, run_out_on__isnull=False)
        .filter(patient__status=Patient.Status.ACTIVE)
        .select_related("patient")
        .order_by(Case(When(IN_TIME, then=1), default=0), "run_out_on", "pk")
    )
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    listed = [run_out_line(row, today) for row in page.object_list]
    listing = Listing(
        "run_outs", RUN_OUT_COLUMNS, lambda: (run_out_line(row, today) for row in rows.iterator()),
        "row.patient_id",
    )  # fmt: skip
    context = {"rows": listed, "page_obj": page}
    return show_list(request, listing, "checkins/run_out_list.html", context, shown=listed)


def run_out_line(row: RunOut, today: date) -> dict[str, Any]:
    """Return one run-out as its line says it."""
    days = (row.run_out_on - today).days if row.run_out_on else 0
    if days < 0:
        state = "gone"
    elif row.next_pickup_on is None:
        state = "unplanned"
    else:
        state = "short" if row.run_out_on and row.run_out_on < row.next_pickup_on else "in_time"
    return {"row": row, "days": days, "ago": -days, "state": state}
