"""What a patient decides: language and mails, consent, the person they trust, their data."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.costly import costly
from apps.checkins.models import CheckInSchedule
from apps.exchange.actions import make_feed, revoke_feed
from apps.patients.lists import Listing
from apps.patients.models import Patient
from apps.portal.access import own_page, patient_of, session_of, show, show_own_list
from apps.portal.actions import (
    remind_at,
    set_preferences,
    withdraw_consent,
)
from apps.portal.entry_views import may_ask, wait_for_code
from apps.portal.export import export_zip
from apps.portal.forms import PreferencesForm, TrustedForm
from apps.portal.models import Consent, PatientSession, TrustedPerson
from apps.portal.sign_in_actions import send_code_to
from apps.portal.trusted_actions import (
    MOST,
    TrustedError,
    allow_dose,
    invite_trusted,
    revoke_trusted,
)


@require_http_methods(["GET", "POST"])
@own_page(enrolling=True)
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show and take language, time zone, reminders; at the first visit, go on to the code."""
    patient = patient_of(request)
    data = request.POST if request.method == "POST" else None
    form = PreferencesForm(data, patient=patient, initial=preferences_of(patient))
    if form.is_bound and form.is_valid():
        set_preferences(patient=patient, wishes=form.cleaned_data, now=timezone.now())
        if session_of(request).kind == PatientSession.Kind.ENROL:
            return first_code(request, patient)
        with translation.override(form.cleaned_data["language"]):
            messages.success(request, _("Saved."))
        return redirect("portal:settings")
    consent = Consent.objects.in_force().filter(patient=patient).first()
    context = {"form": form, "consent": consent}
    return show(request, "settings", context, 422 if form.is_bound else 200)


def preferences_of(patient: Patient) -> dict[str, object]:
    """Return what holds now."""
    schedule = CheckInSchedule.objects.filter(patient=patient).first()
    return {
        "language": patient.language,
        "time_zone": patient.time_zone,
        "calendar_names_drug": patient.calendar_names_drug,
        "remind_at": remind_at(patient),
        "wants_mail": schedule.wants_mail if schedule else True,
    }


def first_code(request: HttpRequest, patient: Patient) -> HttpResponse:
    """Send the first code: an invitation's link alone never opens the own pages."""
    if not may_ask(request, patient.email):
        return redirect("portal:sign_in")
    return wait_for_code(request, send_code_to(patient=patient, now=timezone.now()), patient.email)


@require_http_methods(["GET", "POST"])
@own_page()
def calendar_page(request: HttpRequest) -> HttpResponse:
    """Say what the calendar shows; a POST makes an address, which is shown this once."""
    patient, url = patient_of(request), ""
    if request.method == "POST":
        token = make_feed(
            patient=patient, with_names=patient.calendar_names_drug, by=None, now=timezone.now()
        )
        url = settings.SITE_URL + reverse("exchange:feed", args=[token])
    feed = patient.calendar_feeds.live().first()
    return show(request, "calendar", {"feed": feed, "url": url})


@require_POST
@own_page()
def calendar_stop(request: HttpRequest) -> HttpResponse:
    """Stop the calendar's address."""
    revoke_feed(patient=patient_of(request), by=None, now=timezone.now())
    messages.success(request, _("The calendar has stopped."))
    return redirect("portal:calendar")


@require_http_methods(["GET", "POST"])
@own_page()
def withdraw(request: HttpRequest) -> HttpResponse:
    """Say what it means to take consent back, and take it back."""
    if request.method == "POST":
        withdraw_consent(patient=patient_of(request), now=timezone.now())
        return redirect("portal:consent")
    return show(request, "withdraw")


@require_http_methods(["GET", "POST"])
@own_page()
def trusted_list(request: HttpRequest) -> HttpResponse:
    """Show whom the patient trusts, and add somebody."""
    patient = patient_of(request)
    data = request.POST if request.method == "POST" else None
    form = TrustedForm(data, initial={"language": patient.language})
    if form.is_bound and form.is_valid() and add_trusted(request, form):
        messages.success(request, _("Saved. The mail is on its way."))
        return redirect("portal:trusted")
    people = TrustedPerson.objects.live().filter(patient=patient).prefetch_related("mails")
    context = {"form": form, "people": people, "may_add": len(people) < MOST}
    if form.is_bound:
        return show(request, "trusted", context, 422)
    columns = (
        (_("Name"), "name"), (_("Email"), "email"), (_("Sees my dose"), "sees_dose"),
        (_("Since"), "created_at"),
    )  # fmt: skip
    return show_own_list(request, Listing("my_people", columns, lambda: people), "trusted", context)


def add_trusted(request: HttpRequest, form: TrustedForm) -> bool:
    """Invite them, or say beside the field why not."""
    try:
        invite_trusted(patient=patient_of(request), now=timezone.now(), **form.cleaned_data)
    except TrustedError as error:
        words = {
            "twice": _("This person has a link already. End it first to send a new one."),
            "many": _("You have named three people. End one link to add another."),
        }
        form.add_error("email", words[error.reason])
        return False
    return True


def own_trusted(request: HttpRequest, person_id: UUID) -> TrustedPerson:
    """Return one of the patient's own trusted people, else 404."""
    rows = TrustedPerson.objects.select_related("patient").filter(patient=patient_of(request))
    person = rows.filter(pk=person_id).first()
    if person is None:
        raise Http404
    return person


@require_POST
@own_page()
def trusted_end(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """End a trusted person's link at once."""
    revoke_trusted(person=own_trusted(request, person_id), by=None, now=timezone.now())
    messages.success(request, _("The link has ended."))
    return redirect("portal:trusted")


@require_POST
@own_page()
def trusted_dose(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """Let a trusted person see the dose of today, or not any more."""
    sees = request.POST.get("sees_dose") == "yes"
    allow_dose(person=own_trusted(request, person_id), sees_dose=sees, now=timezone.now())
    messages.success(request, _("Saved."))
    return redirect("portal:trusted")


@require_GET
@own_page(consent=False)
def export_page(request: HttpRequest) -> HttpResponse:
    """Say what the file holds."""
    return show(request, "export")


@require_POST
@own_page(consent=False)
@costly
def export_file(request: HttpRequest) -> HttpResponse:
    """Hand out everything about the patient, to read and for other programs."""
    content = export_zip(patient=patient_of(request), now=timezone.now())
    headers = {"Content-Disposition": 'attachment; filename="my-data.zip"'}
    return HttpResponse(content, content_type="application/zip", headers=headers)
