"""A member's own ways to be reached. Nobody sees or changes anybody else's."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.alerts.contact_actions import (
    ContactError,
    add_contact,
    confirm_contact,
    remove_contact,
    renew_code,
)
from apps.alerts.models import ContactMethod
from apps.alerts.rota_forms import CodeForm, ContactForm
from apps.alerts.tasks import code_bell
from apps.patients.access import member_of, requires
from apps.patients.permissions import Right


def fetch_own(request: HttpRequest, contact_id: UUID) -> ContactMethod:
    """Return the reader's own contact method, or 404 as if it did not exist."""
    rows = ContactMethod.objects.select_related("member__user")
    contact = rows.filter(member=member_of(request), pk=contact_id).first()
    if contact is None:
        raise Http404
    return contact


def show(request: HttpRequest, add: ContactForm, code: CodeForm | None = None) -> HttpResponse:
    """Render the page; `code` is the form of the address whose code was wrong."""
    rows = list(member_of(request).contacts.all())
    forms = [(row, None if row.verified_at else CodeForm(contact=row)) for row in rows]
    if code is not None:
        forms = [(row, code if row == code.contact else form) for row, form in forms]
    status = 422 if add.is_bound or code else 200
    return render(request, "alerts/contacts.html", {"rows": forms, "form": add}, status=status)


@require_http_methods(["GET", "POST"])
@requires(Right.SEE_ROTA)
def contacts(request: HttpRequest) -> HttpResponse:
    """Show where the reader's alerts go, and add an address."""
    member, form = member_of(request), ContactForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        contact = add_contact(
            member=member, by=member.user, now=timezone.now(), **form.cleaned_data
        )
        if contact.verified_at is None:
            code_bell.ring([contact.pk])
        messages.success(
            request, f"A code is on its way to {contact.address}. None in a minute? Ask again."
        )
        return redirect("alerts:contacts")
    return show(request, form)


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
    return show(request, ContactForm(), form)


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
        messages.success(request, f"A new code is on its way to {contact.address}.")
    return redirect("alerts:contacts")


@require_POST
@requires(Right.SEE_ROTA)
def contact_remove(request: HttpRequest, contact_id: UUID) -> HttpResponse:
    """Take an address away."""
    contact = fetch_own(request, contact_id)
    remove_contact(contact=contact, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"{contact.address} is not used any more.")
    return redirect("alerts:contacts")
