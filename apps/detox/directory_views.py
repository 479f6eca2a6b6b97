"""The directory of detox units: no patient is on these pages."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.detox.forms import FacilityForm
from apps.detox.models import Facility
from apps.detox.referral_actions import ReferralError, save_facility
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

COLUMNS = (
    ("Unit", "name"), ("Phone", "phone"), ("Address", "address"), ("Takes", "takes"),
    ("Our own", "is_own"), ("Preferred", "is_preferred"), ("Answers within hours", "answer_hours"),
    ("Arrival within hours", "arrive_hours"), ("In use", "is_active"),
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_DIRECTORY)
def facilities(request: HttpRequest) -> HttpResponse:
    """List the clinic's units; a POST adds one."""
    return edit(request, None)


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_DIRECTORY)
def facility(request: HttpRequest, facility_id: UUID) -> HttpResponse:
    """Show and change one unit."""
    return edit(request, fetch_in_scope(request, Facility.objects.all(), pk=facility_id))


def edit(request: HttpRequest, row: Facility | None) -> HttpResponse:
    """Save a unit, or show the list with its form."""
    member = member_of(request)
    data = request.POST if request.method == "POST" else None
    initial = {name: getattr(row, name) for name in FacilityForm.base_fields} if row else None
    form = FacilityForm(data, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            saved = save_facility(
                clinic=member.clinic, facility=row, values=form.cleaned_data, by=member.user,
                now=timezone.now(),
            )  # fmt: skip
        except ReferralError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, f"{saved.name} is saved.")
            return redirect("detox:facilities")
    rows = Facility.objects.filter(clinic=member.clinic).order_by("-is_active", "name")
    context = {"form": form, "facility": row, "facilities": rows}
    status = 422 if form.is_bound else 200
    listing = Listing("detox_units", COLUMNS, lambda: rows)
    return show_list(request, listing, "detox/facilities.html", context, status=status)
