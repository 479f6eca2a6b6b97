"""A member's own ways to be reached. Nobody sees or changes anybody else's."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.alerts.contact_actions import (
    ContactError,
    add_contact,
    confirm_contact,
    end_quiet_hours,
    prefer_contact,
    remove_contact,
    renew_code,
    set_quiet_hours,
)
from apps.alerts.contact_forms import CodeForm, ContactForm, QuietHoursForm
from apps.alerts.models import ContactMethod, QuietHours
from apps.alerts.tasks import code_bell
from apps.patients.access import member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

COLUMNS = (
    ("Way", "get_channel_display"), ("Through", "gateway.name"), ("Address", "address"),
    ("Place", "position"), ("Added", "created_at"), ("Confirmed", "verified_at"),
)  # fmt: skip


def fetch_own(request: HttpRequest, contact_id: UUID) -> ContactMethod:
    """Return the reader's own contact method, or 404 as if it did not exist."""
    rows = ContactMethod.objects.select_related("member__user")
    contact = rows.filter(member=member_of(request), pk=contact_id).first()
    if contact is None:
        raise Http404
    return contact


def show(
    request: HttpRequest,
    add: ContactForm | None = None,
    code: CodeForm | None = None,
    quiet: QuietHoursForm | None = None,
) -> HttpResponse:
    """Render the page; `code` is the form of the address whose code was wrong."""
    member = member_of(request)
    rows = list(member.contacts.select_related("gateway"))
    forms = [(row, None if row.verified_at else CodeForm(contact=row)) for row in rows]
    if code is not None:
        forms = [(row, code if row == code.contact else form) for row, form in forms]
    context = {
        "rows": forms,
        "form": add or ContactForm(member=member),
        "quiet_form": quiet or QuietHoursForm(member=member),
        "quiet": QuietHours.objects.filter(member=member).first(),
        "waits": any(row.test_result == ContactMethod.TestResult.WAITING for row in rows),
        "has_mail": any(row.is_mail and row.verified_at for row in rows),
    }
    status = 422 if any(form is not None for form in (add, code, quiet)) else 200
    listing = Listing("my_contacts", COLUMNS, lambda: rows)
    return show_list(request, listing, "alerts/contacts.html", context, status=status)


@require_http_methods(["GET", "POST"])
@requires(Right.SEE_ROTA)
def contacts(request: HttpRequest) -> HttpResponse:
    """Show where the reader's alerts go, and add an address."""
    member = member_of(request)
    if request.method != "POST":
        return show(request)
    form = ContactForm(request.POST, member=member)
    if not form.is_valid():
        return show(request, form)
    contact = add_contact(
        member=member, address=form.cleaned_data["address"], gateway=form.cleaned_data["gateway"],
        by=member.user, now=timezone.now(),
    )  # fmt: skip
    if contact.verified_at is None:
        code_bell.ring([contact.pk])
    messages.success(
        request, f"A code is on its way to {contact.address}. None in a minute? Ask again."
    )
    return redirect("alerts:contacts")


@require_POST
@requires(Right.SEE_ROTA)
def contact_confirm(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Take the code that came back."""
    contact = fetch_own(request, contact_id)
    form = CodeForm(request.POST, contact=contact)
    if form.is_valid():
        try:
            confirm_contact(
                contact=contact, code=form.cleaned_data["code"], by=member_of(request).user,
                now=timezone.now(),
            )  # fmt: skip
        except ContactError as error:
            form.add_error("code", str(error))
        else:
            messages.success(request, f"{contact.address} reaches you. Alerts go there.")
            return redirect("alerts:contacts")
    return show(request, code=form)


@require_POST
@requires(Right.SEE_ROTA)
def contact_resend(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Send a new code: to prove the address, or to test it again."""
    contact = fetch_own(request, contact_id)
    try:
        renew_code(contact=contact, by=member_of(request).user, now=timezone.now())
    except ContactError as error:
        messages.warning(request, str(error))
    else:
        code_bell.ring([contact.pk])
        what = "A test" if contact.verified_at else "A new code"
        messages.success(request, f"{what} is on its way to {contact.address}. See below.")
    return redirect("alerts:contacts")


@require_POST
@requires(Right.SEE_ROTA)
def contact_remove(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Take an address away."""
    contact = fetch_own(request, contact_id)
    remove_contact(contact=contact, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"{contact.address} is not used any more.")
    return redirect("alerts:contacts")


@require_POST
@requires(Right.SEE_ROTA)
def contact_prefer(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Put an address one place forward."""
    contact = fetch_own(request, contact_id)
    prefer_contact(contact=contact, by=member_of(request).user, now=timezone.now())
    return redirect("alerts:contacts")


@require_POST
@requires(Right.SEE_ROTA)
def quiet_hours(request: HttpRequest) -> HttpResponse:
    """Set the reader's quiet hours."""
    member = member_of(request)
    form = QuietHoursForm(request.POST, member=member)
    if not form.is_valid():
        return show(request, quiet=form)
    set_quiet_hours(member=member, by=member.user, now=timezone.now(), **form.cleaned_data)
    messages.success(request, "Saved. Emergencies still come at any time.")
    return redirect("alerts:contacts")


@require_POST
@requires(Right.SEE_ROTA)
def quiet_hours_end(request: HttpRequest) -> HttpResponse:
    """Take the reader's quiet hours away."""
    member = member_of(request)
    end_quiet_hours(member=member, by=member.user, now=timezone.now())
    messages.success(request, "You have no quiet hours any more.")
    return redirect("alerts:contacts")
