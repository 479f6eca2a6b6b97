"""Staff pages of a stay: rounds, the trend, what was given, and why no dose is suggested."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.alerts.states import TransitionError
from apps.clinical import detox as rules
from apps.detox.models import DoseRecord, Referral, Stay
from apps.detox.referral_actions import ReferralError
from apps.detox.stay_actions import StayError, begin_stay, record_dose, record_round, set_rounds
from apps.detox.stay_chart import chart_of
from apps.detox.stay_forms import BeginStayForm, DoseForm, RoundForm, RoundsForm
from apps.detox.views import REFERRALS
from apps.patients.access import fetch_in_scope, member_of, requires, saw
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right, may

STAYS = Stay.objects.select_related("patient__clinic", "patient__risk", "referral__facility")
CAUTIONS = {
    "cautions": rules.PHENOBARBITAL_CAUTIONS, "never": rules.NEVER_FOR_TAPERING,
    "before_each": rules.BEFORE_EACH_DOSE, "why_no_calculator": rules.WHY_NO_CALCULATOR,
    "watch_after": rules.WATCH_AFTER_LAST_DOSE,
}  # fmt: skip
ROUND_COLUMNS = (
    ("At", "at"), ("By", "by.full_name"), ("Pulse", "pulse"), ("Systolic", "systolic"),
    ("Diastolic", "diastolic"), ("Breaths a minute", "breaths"), ("Oxygen %", "oxygen"),
    ("Temperature in °C", "temp_c"), ("Sedation", "sedation"), ("Ataxia", "ataxia"),
    ("Nystagmus", "nystagmus"), ("Slurred speech", "slurred_speech"), ("Fall", "fall"),
    ("Danger", "is_dangerous"), ("Note", "note"),
)  # fmt: skip
DOSE_COLUMNS = (
    ("At", "at"), ("What", "get_kind_display"), ("Medicine", "medicine"), ("Amount", "amount"),
    ("Route", "route"), ("Ordered by", "ordered_by"), ("Held because", "held_because"),
    ("Signed by", "signed_by.full_name"), ("Signed", "signed_at"), ("Note", "note"),
    ("Corrects an earlier record", lambda row: row.corrects_id is not None),
    ("Corrected later", lambda row: hasattr(row, "corrected_by")),
)  # fmt: skip


def fetch_stay(request: HttpRequest, stay_id: UUID) -> Stay:
    """Return a stay of the reader's clinic, or 404."""
    row: Stay = fetch_in_scope(request, STAYS, pk=stay_id)
    return row


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def stay_begin(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Take the patient into a bed of the clinic's own."""
    row: Referral = fetch_in_scope(request, REFERRALS, pk=referral_id)
    form = BeginStayForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        by, now = member_of(request).user, timezone.now()
        try:
            begun = begin_stay(referral=row, by=by, now=now, **form.cleaned_data)
        except (StayError, TransitionError) as error:
            messages.warning(request, str(error))
            return redirect("detox:referral", row.pk)
        except ReferralError as error:
            form.add_error("began_at", str(error))
        else:
            messages.success(request, "The patient is in the unit. Reminders have stopped.")
            return redirect("detox:stay", begun.pk)
    context = {"referral": row, "patient": row.patient, "form": form}
    return render(request, "detox/stay_begin.html", context, status=422 if form.is_bound else 200)


@require_GET
@requires(Right.SEE_PATIENTS)
def stay(request: HttpRequest, stay_id: UUID) -> HttpResponse:
    """Show a stay: the trend, every round, every dose, what to look out for."""
    row = fetch_stay(request, stay_id)
    saw(request, "stay.viewed", row.patient, row)
    return show_stay(request, row)


def show_stay(
    request: HttpRequest, row: Stay, form: RoundsForm | None = None, status: int = 200
) -> HttpResponse:
    """Render the page; `form` is the one that was posted and is not right."""
    rounds, now = list(row.rounds.select_related("by")), timezone.now()
    context: dict[str, Any] = {
        "stay": row, "patient": row.patient, "rounds": rounds,
        "chart": chart_of(rounds, timezone.get_current_timezone()),
        "doses": list(row.doses.select_related("signed_by", "corrected_by")),
        "is_overdue": row.is_round_overdue(now),
        "rounds_form": form or RoundsForm(initial={"round_hours": row.round_hours}),
        "may_write": may(member_of(request), Right.HANDLE_ALERTS),
        "may_decide": may(member_of(request), Right.PLAN_TAPERS), **CAUTIONS,
    }  # fmt: skip
    lists = (
        Listing("rounds", ROUND_COLUMNS, lambda: rounds, of=row.patient, title="Rounds"),
        Listing("given", DOSE_COLUMNS, lambda: context["doses"], of=row.patient, title="Doses"),
    )
    return show_list(request, lists, "detox/stay.html", context, status=status)


@require_POST
@requires(Right.PLAN_TAPERS)
def rounds_set(request: HttpRequest, stay_id: UUID) -> HttpResponse:
    """Change how often a round is made."""
    row, form = fetch_stay(request, stay_id), RoundsForm(request.POST)
    if not form.is_valid():
        return show_stay(request, row, form, 422)
    try:
        set_rounds(stay=row, by=member_of(request).user, now=timezone.now(), **form.cleaned_data)
    except StayError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "The next round has its time.")
    return redirect("detox:stay", row.pk)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def round_create(request: HttpRequest, stay_id: UUID) -> HttpResponse:
    """Record a round."""
    row = fetch_stay(request, stay_id)
    form = RoundForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            record_round(
                stay=row, submission_id=form.cleaned_data["submission_id"], values=form.values(),
                by=member_of(request).user, now=timezone.now(), at=form.cleaned_data["at"],
            )  # fmt: skip
        except StayError as error:
            form.add_error(error.field, str(error))
        else:
            messages.success(request, "The round is recorded, and the next one has its time.")
            return redirect("detox:stay", row.pk)
    context = {"stay": row, "patient": row.patient, "form": form}
    return render(request, "detox/round.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def dose_create(request: HttpRequest, stay_id: UUID) -> HttpResponse:
    """Sign what was given or held."""
    return sign_dose(request, fetch_stay(request, stay_id), None)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def dose_correct(request: HttpRequest, dose_id: UUID) -> HttpResponse:
    """Sign a line in the place of a wrong one; both stay."""
    wrong: DoseRecord = fetch_in_scope(request, DoseRecord.objects.all(), pk=dose_id)
    return sign_dose(request, fetch_stay(request, wrong.stay_id), wrong)


def sign_dose(request: HttpRequest, row: Stay, wrong: DoseRecord | None) -> HttpResponse:
    """Keep a signed dose, or say beside the field what is missing."""
    form = dose_form(request, wrong)
    if form.is_bound and form.is_valid():
        try:
            record_dose(
                stay=row, submission_id=form.cleaned_data["submission_id"], values=form.values(),
                signed_with=form.signing().method, by=member_of(request).user, now=timezone.now(),
                corrects=wrong,
            )  # fmt: skip
        except StayError as error:
            form.add_error(error.field, str(error))
        else:
            form.was_used()
            messages.success(request, "Signed.")
            return redirect("detox:stay", row.pk)
    context = {"stay": row, "patient": row.patient, "form": form, "wrong": wrong, **CAUTIONS}
    return render(request, "detox/dose.html", context, status=422 if form.is_bound else 200)


def dose_form(request: HttpRequest, wrong: DoseRecord | None) -> DoseForm:
    """Return the form: as posted, or filled with the line to correct, or with the present time."""
    if request.method == "POST":
        return DoseForm(request.POST, request=request)
    names = ("kind", "medicine", "amount", "route", "ordered_by", "at", "sedation", "breaths",
             "held_because", "note")  # fmt: skip
    if wrong is not None:
        return DoseForm(request=request, initial={name: getattr(wrong, name) for name in names})
    return DoseForm(request=request, initial={"at": timezone.localtime()})
