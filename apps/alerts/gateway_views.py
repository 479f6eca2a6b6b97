"""A clinic's gateways, and the door at which their providers report. No patient here."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from apps.alerts.contact_forms import GatewayForm
from apps.alerts.gateway_actions import (
    GatewayNameError,
    add_gateway,
    change_gateway,
    is_readable,
    switch_off_gateway,
)
from apps.alerts.models import Gateway
from apps.alerts.receipts import Report, ReportError, take_report
from apps.alerts.ways import gateway_name, troubled
from apps.database.scope import every_clinic
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

COLUMNS = (
    ("Gateway", "gateway.name"), ("Way", "gateway.get_channel_display"),
    ("Address, masked", "gateway.masked_url"), ("Confirms", "gateway.confirms"),
    ("In trouble", "troubled"), ("Readable", "readable"), ("Changed", "gateway.changed_at"),
)  # fmt: skip


def show(request: HttpRequest, form: GatewayForm) -> HttpResponse:
    """Render the page with one form: of a new gateway, or of the one that is changed."""
    member, trouble = member_of(request), troubled()
    rows = [
        {
            "gateway": gateway,
            "troubled": gateway_name(gateway.pk) in trouble,
            "readable": is_readable(gateway),
            "reports": settings.SITE_URL + reverse("alerts:reports", args=[gateway.pk]),
        }
        for gateway in Gateway.objects.filter(clinic_id=member.clinic_id, is_active=True)
    ]
    context, status = {"rows": rows, "form": form}, 422 if form.is_bound else 200
    listing = Listing("gateways", COLUMNS, lambda: rows)
    return show_list(request, listing, "alerts/gateways.html", context, status=status)


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_ROTA)
def gateways(request: HttpRequest) -> HttpResponse:
    """Show the clinic's gateways and add one."""
    member, form = member_of(request), GatewayForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            add_gateway(
                clinic=member.clinic, by=member.user, now=timezone.now(), **form.cleaned_data
            )
        except GatewayNameError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "Saved. Your colleagues can now add their numbers or names.")
            return redirect("alerts:gateways")
    return show(request, form)


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_ROTA)
def gateway_change(request: HttpRequest, gateway_id: UUID) -> HttpResponse:
    """Change a gateway's name, address or secret."""
    gateway = fetch_in_scope(request, Gateway.objects.filter(is_active=True), pk=gateway_id)
    form = GatewayForm(request.POST or None, gateway=gateway)
    if request.method == "POST" and form.is_valid():
        values = {key: form.cleaned_data[key] for key in ("name", "url", "secret")}
        try:
            change_gateway(
                gateway=gateway, by=member_of(request).user, now=timezone.now(), **values
            )
        except GatewayNameError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, "Saved. Try it: send a test to your own number.")
            return redirect("alerts:gateways")
    return show(request, form)


@require_POST
@requires(Right.EDIT_ROTA)
def gateway_off(request: HttpRequest, gateway_id: UUID) -> HttpResponse:
    """Use a gateway no more."""
    gateway = fetch_in_scope(request, Gateway.objects.all(), pk=gateway_id)
    switch_off_gateway(gateway=gateway, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"{gateway.name} is not used any more. Its secrets are deleted.")
    return redirect("alerts:gateways")


@csrf_exempt
@login_not_required
@require_POST
@every_clinic()
def gateway_report(request: HttpRequest, gateway_id: UUID) -> HttpResponse:
    """Take a provider's signed report; who cannot sign learns nothing, not even that it exists."""
    # As the provider knows it and signs it, whatever stands before us.
    url = settings.SITE_URL + request.get_full_path()
    report = Report.from_request(request.headers, request.body, url)
    try:
        take_report(gateway_id=gateway_id, report=report, now=timezone.now())
    except ReportError:
        return HttpResponse("not taken\n", status=401, content_type="text/plain")
    return HttpResponse(status=204)
