"""What a trusted person does with their link: report danger, and see the dose if allowed.

GET changes nothing and shows nothing about the patient, so a mail scanner that opens
the link learns nothing and does no harm.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from uuid import uuid4

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from apps.accounts.guessing import guessed_too_often
from apps.accounts.tokens import hash_token
from apps.alerts.models import Alert
from apps.checkins import advice
from apps.checkins.models import CheckIn
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.models import Patient
from apps.portal.entry_views import dead_link, door, language_of
from apps.portal.forms import ReportForm
from apps.portal.models import TrustedPerson
from apps.portal.today_page import WITHOUT_DOSE, page_context
from apps.portal.trusted_actions import note_opened, report
from apps.tapers.schedule import schedule_of

CALL_WITHIN = timedelta(minutes=15)  # triage.md section 1: call the patient in 15 minutes
TrustedView = Callable[[HttpRequest, TrustedPerson, str], HttpResponse]


def by_link(view: TrustedView) -> Callable[[HttpRequest, str], HttpResponse]:
    """Fetch the person by the link's token; say in a sentence why a link does not work."""

    @login_not_required
    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        rows = TrustedPerson.objects.select_related("clinic", "patient__clinic")
        with every_clinic():
            person = rows.filter(token_hash=hash_token(token)).first()
        if person is None:
            status = 429 if guessed_too_often(request) else 404
            return dead_link(request, None, "unknown", status)
        enter_clinic(person.clinic_id)
        language = language_of(request, person.language)
        with translation.override(language), timezone.override(person.patient.tz):
            if not person.works(timezone.now()):
                return dead_link(request, person.clinic, "trusted", 410)
            return view(request, person, token)

    return guarded


@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def trusted_door(request: HttpRequest, person: TrustedPerson, token: str) -> HttpResponse:
    """Offer the two things a trusted person can do; a POST opens the page with the dose."""
    context = page_context(person.clinic) | {"token": token}
    if request.method != "POST":
        return door(request, "trusted_door", context)
    patient, now = person.patient, timezone.now()
    if patient.status == Patient.Status.DECEASED:
        return door(request, "closed", context, 410)
    may_see = person.sees_dose and patient.status not in WITHOUT_DOSE
    schedule = schedule_of(patient, now) if may_see else None
    note_opened(person=person, saw_dose=schedule is not None, now=now)
    context |= {"person": person, "patient": patient, "schedule": schedule}
    return door(request, "trusted_page", context)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@by_link
def trusted_report(request: HttpRequest, person: TrustedPerson, token: str) -> HttpResponse:
    """Take what a trusted person saw. It is never refused for its number.

    Exempt from CSRF like the patient's link (ADR 75): the link is the authority and no
    cookie is, so a browser without cookies can report, too.
    """
    data = request.POST if request.method == "POST" else None
    form = ReportForm(data, initial={"submission_id": uuid4()})
    context = page_context(person.clinic) | {"form": form, "token": token}
    if not (form.is_bound and form.is_valid()):
        return door(request, "trusted_report", context, 422 if form.is_bound else 200)
    now = timezone.now()
    check_in = report(
        person=person,
        signs=form.cleaned_data["signs"],
        submission_id=form.cleaned_data["submission_id"],
        now=now,
    )
    context |= {
        "advice": advice.true_advice_for(check_in, person.clinic, advice.alert_of(check_in)),
        "told": told(check_in),
    }
    return door(request, "trusted_done", context)


def told(check_in: CheckIn) -> str:
    """Return who is being told and by when they act; never more than is true."""
    alert: Alert | None = advice.alert_of(check_in)
    if alert is None or not advice.can_be_told(alert):
        return _(
            "We could not reach anyone at the clinic yet. Do not wait for us: call %(number)s."
        ) % {"number": check_in.clinic.emergency_number}
    by = max(CALL_WITHIN, timedelta(minutes=alert.response_minutes)) + alert.opened_at
    return _("We are telling the person on call now. By %(time)s someone should call them.") % {
        "time": date_format(by.astimezone(check_in.patient.tz), "P")
    }
