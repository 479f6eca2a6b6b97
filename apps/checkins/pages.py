"""What the patient's pages show: the form, the page after sending, and a refusal."""

from datetime import datetime, timedelta
from functools import cache
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation

from apps.accounts.guessing import guessed_too_often
from apps.alerts.models import Shift
from apps.checkins import advice
from apps.checkins.assessment import form_context
from apps.checkins.forms import CheckInForm
from apps.checkins.kept_actions import KEPT_A_DAY
from apps.checkins.kept_pages import KeptPages
from apps.checkins.link_actions import (
    PART_CORRECTION,
    PART_WEEKLY,
    LinkUsedError,
    check_part_is_free,
)
from apps.checkins.models import CheckIn, CheckInLink
from apps.clinical.triage import Level

# What the page's script and the service worker read of an answer (static/js/offline.js).
# Nothing counts as saved without the first one: a hotel's sign-in page is no confirmation.
SAVED: Final = "Checkin-Saved"
REFUSED: Final = "Checkin-Refused"
BLANK: Final = "Checkin-Form"
ENOUGH: Final = "enough"  # was kept of the patient's today
STATUS: Final = {
    "unknown": 404, "too_long": 413, "used": 410, "expired": 410, "guessed": 429, ENOUGH: 429,
}  # fmt: skip
CLOCK_IS_OFF: Final = timedelta(hours=1)  # [proposal]
OWN_LINK: Final = "the-readers-own-link"  # stands for its token in a page that many get
DONE: Final = KeptPages("checkins/check_in_done.html")


def show_form(
    request: HttpRequest, link: CheckInLink, form: CheckInForm, part: str, now: datetime
) -> HttpResponse:
    """Render the check-in page."""
    form.known = form_context(link.patient, now)
    context = {
        "part": part,
        "sections": form.sections(),
        "form_errors": list(form.errors) if form.is_bound else [],
        "submission_id": form.submission_id,
        "version": form.questionnaire.version,
        "reported_at": form.reported_at.isoformat() if form.reported_at else "",
        "requests": form.request_options() if part != PART_WEEKLY else [],
        "credits": [credit[form.language] for credit in form.questionnaire.credits],
        "language": form.language,
        "clinic": link.clinic,
        "watching": advice.watching_now(link.clinic, now),
    }
    status = 422 if form.is_bound else 200
    page = render(request, "checkins/check_in_form.html", context, status=status)
    page[REFUSED if form.is_bound else BLANK] = "incomplete" if form.is_bound else part
    return page


def show_done(
    request: HttpRequest,
    link: CheckInLink,
    form: CheckInForm,
    check_in: CheckIn,
    on_call: list[Shift],
) -> HttpResponse:
    """Say what to do now, who was told and by when someone acts."""
    now = timezone.now()
    token = (request.resolver_match.kwargs if request.resolver_match else {})["token"]
    daily = check_in.questionnaire == "daily"
    # A calm check-in has opened none.
    calm = check_in.triage.level == Level.NONE.value
    alert = None if calm else advice.alert_of(check_in)
    weekly = daily and link.with_weekly and link.weekly_submission_id is None
    context = {
        "advice": advice.true_advice_for(check_in, link.clinic, alert),
        "told": advice.told_sentence(check_in, alert, now),
        "wishes": advice.wishes_of(check_in, now),
        "weekly_url": own_address("checkins:weekly") if weekly else "",
        "correct_url": own_address("checkins:correct") if daily else "",
        "clock_is_off": clock_is_off(form, now),
        "watching": advice.watching_now(link.clinic, now, on_call),
        "clinic": link.clinic,
        "site": {"demo": settings.DEMO_MODE, "clinic": None},
        "level": check_in.triage.level,
        "is_complete": check_in.is_complete,
        "language": check_in.language,
    }
    page = HttpResponse(DONE.render(context).replace(OWN_LINK, token))
    page[SAVED] = str(form.submission_id)
    return page


def show_kept(
    request: HttpRequest, link: CheckInLink, form: CheckInForm, check_in: CheckIn
) -> HttpResponse:
    """Say that the answers are kept and nobody is told, and how to be heard today."""
    now = timezone.now()
    context = {
        "reason": check_in.arrival,
        "typed": form.typed(),
        "clinic": link.clinic,
        "watching": advice.watching_now(link.clinic, now),
        "clock_is_off": clock_is_off(form, now),
        "language": check_in.language,
    }
    page = render(request, "checkins/check_in_kept.html", context)
    page[SAVED] = str(form.submission_id)
    return page


@cache
def own_address(name: str) -> str:
    """Return the address of a page of the reader's own link, whatever that is."""
    return reverse(name, args=[OWN_LINK])


def clock_is_off(form: CheckInForm, now: datetime) -> bool:
    """Answer whether the device's clock is so wrong that the patient should know."""
    return form.sent_at is not None and abs(now - form.sent_at) > CLOCK_IS_OFF


def refuse(
    request: HttpRequest, link: CheckInLink | None, reason: str, form: CheckInForm | None = None
) -> HttpResponse:
    """Say in a sentence why nothing was taken, and what to do instead.

    Shows again what was typed, with the advice for it: nobody else has seen it.
    """
    if link is None and guessed_too_often(request):
        reason = "guessed"
    language = link.patient.language if link else translation.get_language()
    with translation.override(language):
        context = {
            "reason": reason,
            "kept_at_most": KEPT_A_DAY,
            "clinic": link.clinic if link else None,
            "typed": form.typed() if form else [],
            "advice": form.tap_texts() if form and link else [],
            "correct_url": correct_url(request, link) if link and reason == "used" else "",
            "language": language,
        }
        page = render(request, "checkins/check_in_link_invalid.html", context)
    page.status_code = STATUS[reason]
    if reason != "guessed":  # that one passes: a phone that keeps answers tries again
        page[REFUSED] = reason
    return page


def correct_url(request: HttpRequest, link: CheckInLink) -> str:
    """Return where a used link still takes a correction, empty when it takes no more."""
    token = (request.resolver_match.kwargs if request.resolver_match else {})["token"]
    try:
        check_part_is_free(link, PART_CORRECTION)
    except LinkUsedError:
        return ""
    return "" if link.is_expired(timezone.now()) else reverse("checkins:correct", args=[token])
