"""What staff do for a patient's own pages: invite, resend, correct the address, end it all."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.checkins.no_mail import no_mail_to_mend, why_no_mail
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.portal.actions import InviteError, invite_patient, revoke_everything, write_down
from apps.portal.forms import InviteForm
from apps.portal.models import Consent, PatientSession, TrustedPerson
from apps.portal.models.entry import ABSOLUTE, IDLE
from apps.portal.trusted_actions import revoke_trusted

CONSENT_COLUMNS = (
    ("Given", "given_at"),
    ("Text, version", "version"),
    ("Withdrawn", "withdrawn_at"),
)
TRUSTED_COLUMNS = (
    ("Name", "name"), ("Sees the dose", "sees_dose"), ("Named", "created_at"),
    ("Link works until", "expires_at"), ("First opened", "opened_at"),
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.INVITE_TO_CHECK_IN)
def access(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show how a patient comes in; a POST invites them, at a corrected address if need be."""
    rows = Patient.objects.select_related("clinic", "check_in_schedule")
    patient = fetch_patient(request, patient_id, rows)
    data = request.POST if request.method == "POST" else None
    form = InviteForm(data, initial={"email": patient.email}, button=button_for(patient))
    if form.is_bound and form.is_valid() and invite(request, patient, form):
        return redirect("portal:access", patient.pk)
    now, by = timezone.now(), member_of(request).user
    if not form.is_bound:
        write_down("portal.access_viewed", patient, patient, by, now)
    consents = Consent.objects.filter(patient=patient).order_by("-given_at")
    people = TrustedPerson.objects.live().filter(patient=patient).prefetch_related("mails")
    lists = (
        Listing("consents", CONSENT_COLUMNS, lambda: consents, of=patient, title="Consents"),
        Listing("trusted", TRUSTED_COLUMNS, lambda: people, of=patient, title="Trusted people"),
    )
    context = {
        "patient": patient,
        "form": form,
        "invitation": patient.invitations.live().prefetch_related("mails").first(),
        "consents": consents,
        "sessions": patient.own_sessions.filter(
            ended_at__isnull=True, last_seen_at__gt=now - IDLE, created_at__gt=now - ABSOLUTE,
            kind=PatientSession.Kind.FULL,
        ),
        "people": people,
        "no_mail": why_no_mail(patient),
        "no_mail_to_mend": no_mail_to_mend(patient),
        "research": patient.research_consents.in_force().first(),
        "now": now,
    }  # fmt: skip
    status = 422 if form.is_bound else 200
    return show_list(request, lists, "portal/access.html", context, status=status)


def button_for(patient: Patient) -> str:
    """Return what the button does: a first invitation, or one more."""
    return "Send a new invitation" if patient.invitations.exists() else "Send the invitation"


def invite(request: HttpRequest, patient: Patient, form: InviteForm) -> bool:
    """Send the invitation, or say beside the field why not."""
    try:
        invite_patient(
            patient=patient, address=form.cleaned_data["email"], by=member_of(request).user,
            now=timezone.now(),
        )  # fmt: skip
    except InviteError as error:
        form.add_error("email", str(error))
        return False
    messages.success(request, f"The invitation is on its way to {form.cleaned_data['email']}.")
    return True


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def revoke(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """End every way in at once: a lost phone."""
    patient = fetch_patient(request, patient_id)
    found = revoke_everything(patient=patient, by=member_of(request).user, now=timezone.now())
    if any(found.values()):
        messages.success(request, "Every way in has ended, from this moment on.")
    else:
        messages.success(request, "There was no way in to end.")
    return redirect("portal:access", patient.pk)


@require_POST
@requires(Right.INVITE_TO_CHECK_IN)
def trusted_revoke(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """End one trusted person's link."""
    rows = TrustedPerson.objects.select_related("patient")
    person: TrustedPerson = fetch_in_scope(request, rows, pk=person_id)
    revoke_trusted(person=person, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"The link of {person.name} has ended.")
    return redirect("portal:access", person.patient_id)
