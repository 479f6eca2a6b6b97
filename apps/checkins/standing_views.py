"""Pages of standing orders: the clinic's templates, and those in force for one patient."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.checkins.models import StandingDuty, StandingOrder
from apps.checkins.standing_actions import (
    StandingOrderError,
    add_order,
    end_duty,
    end_order,
    start_duty,
)
from apps.checkins.standing_forms import DutyForm, OrderForm
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires, saw
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

COLUMNS = (
    ("Name", "name"), ("What is to be done", "title"), ("Every so many days", "days"),
    ("In force for patients", "in_force"), ("Since", "created_at"),
)  # fmt: skip
DUTY_COLUMNS = (
    ("Order", "order.name"), ("What is to be done", "order.title"),
    ("Every so many days", "order.days"), ("Owner", "owner.user.full_name"),
    ("Since", "started_at"), ("By", "started_by.full_name"),
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def standing_orders(request: HttpRequest) -> HttpResponse:
    """Show the clinic's templates and keep a new one."""
    member, form = member_of(request), OrderForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            order = add_order(
                clinic=member.clinic, by=member.user, now=timezone.now(), **form.cleaned_data
            )
        except StandingOrderError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"“{order.name}” is kept. Give it to patients on their page.")
            return redirect("checkins:standing_orders")
    orders = StandingOrder.objects.filter(clinic=member.clinic, ended_at__isnull=True)
    in_force = Count("duties", filter=Q(duties__ended_at__isnull=True))
    found = orders.annotate(in_force=in_force)
    listing = Listing("standing_orders", COLUMNS, lambda: found)
    context, status = {"form": form, "orders": found}, 422 if form.is_bound else 200
    return show_list(request, listing, "checkins/standing_orders.html", context, status=status)


@require_POST
@requires(Right.PLAN_TAPERS)
def standing_order_end(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """End a template and all that came of it."""
    order = fetch_in_scope(request, StandingOrder.objects.all(), pk=order_id)
    end_order(order=order, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"“{order.name}” is ended. Tasks it has called for stay.")
    return redirect("checkins:standing_orders")


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def duties(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show what is in force for a patient and put another order in force."""
    patient, member = fetch_patient(request, patient_id), member_of(request)
    if request.method == "GET":
        saw(request, "duties.viewed", patient)
    form = DutyForm(request.POST or None, clinic_id=member.clinic_id)
    if request.method == "POST" and form.is_valid():
        try:
            start_duty(patient=patient, by=member.user, now=timezone.now(), **form.cleaned_data)
        except StandingOrderError as error:
            form.add_error("order", str(error))
        else:
            messages.success(request, "The order is in force. Its tasks come by themselves.")
            return redirect("checkins:duties", patient.pk)
    rows = StandingDuty.objects.in_force().filter(patient=patient)
    rows = rows.select_related("order", "owner__user", "started_by")
    listing = Listing("standing_duties", DUTY_COLUMNS, lambda: rows, of=patient)
    context = {"patient": patient, "form": form, "duties": rows}
    status = 422 if form.is_bound else 200
    return show_list(request, listing, "checkins/duties.html", context, status=status)


@require_POST
@requires(Right.PLAN_TAPERS)
def duty_end(request: HttpRequest, duty_id: UUID) -> HttpResponse:
    """End an order for one patient."""
    duty = fetch_in_scope(request, StandingDuty.objects.all(), pk=duty_id)
    end_duty(duty=duty, by=member_of(request).user, now=timezone.now())
    messages.success(request, "The order is ended for this patient. Open tasks stay.")
    return redirect("checkins:duties", duty.patient_id)
