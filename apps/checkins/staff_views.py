"""One check-in as staff read it: everything as it was given, and what followed from it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.alerts.models import Alert
from apps.checkins.advice import advice_for
from apps.checkins.as_given import answer_rows, fired_rows, unanswered
from apps.checkins.free_text import own_words
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import get_questionnaire
from apps.patients.access import fetch_in_scope, requires, saw
from apps.patients.permissions import Right

CHECK_INS = CheckIn.as_given.select_related("patient", "clinic", "triage", "corrects")


@require_GET
@requires(Right.SEE_PATIENTS)
def check_in_detail(request: HttpRequest, check_in_id: UUID) -> HttpResponse:
    """Show one check-in; the look is written down."""
    check_in: CheckIn = fetch_in_scope(request, CHECK_INS.all(), pk=check_in_id)
    page = page_of(check_in)
    alerts = [page["alert"].pk] if page["alert"] else []
    saw(request, "check_in.viewed", check_in.patient, check_in, alerts)
    return render(request, "checkins/check_in_detail.html", page)


def page_of(check_in: CheckIn) -> dict[str, Any]:
    """Return what the page shows."""
    questions = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    return {
        "check_in": check_in,
        "patient": check_in.patient,
        "answers": answer_rows(check_in),
        "unanswered": unanswered(check_in),
        "own_words": own_words(questions, check_in.answers),
        "fired": fired_rows(check_in),
        "advice_shown": advice_for(check_in, check_in.clinic),
        "alert": Alert.objects.filter(source_id=check_in.pk).first(),
        "tasks": check_in.tasks.select_related("owner").order_by("kind"),
        "corrections": check_in.corrections.order_by("received_at"),
    }
