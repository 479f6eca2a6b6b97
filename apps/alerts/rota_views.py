"""Pages of the rota: who is on call, the weekly pattern, exceptions, hours, ladder.

Nothing here shows a patient: a clinic admin works on these pages.
"""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.alerts import rota_actions as actions
from apps.alerts.coverage import coverage_of
from apps.alerts.ladder import SLOWEST, Level
from apps.alerts.models import (
    LEVEL_LABELS,
    ROTA_RUNGS,
    WEEKDAYS,
    ClinicLadder,
    ClosedDay,
    ContactMethod,
    CoverPromise,
    Drill,
    OpeningHours,
    RotaChange,
    Shift,
    WeeklyTurn,
)
from apps.alerts.rota import on_call_now
from apps.alerts.rota_forms import (
    RUNG_NAMES,
    ClosedDayForm,
    HoursForm,
    LadderForm,
    ShiftChangeForm,
    TurnForm,
)
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Clinic
from apps.patients.permissions import Right, may

SHIFT_COLUMNS = (
    ("From", "starts_at"), ("To", "ends_at"), ("Rung", "get_rung_display"),
    ("Who", "member.user.full_name"), ("By the weekly pattern", "generated"),
)  # fmt: skip
CHANGE_COLUMNS = (
    ("From", "starts_at"), ("To", "ends_at"), ("Rung", "get_rung_display"),
    ("Away", "away.user.full_name"), ("In their place", "member.user.full_name"),
    ("Why", "reason"), ("Made", "created_at"),
)  # fmt: skip
TURN_COLUMNS = (
    ("Day", "get_weekday_display"), ("From", "starts"), ("To", "ends"),
    ("Rung", "get_rung_display"), ("Who", "member.user.full_name"),
)  # fmt: skip


@require_GET
@requires(Right.SEE_ROTA)
def rota(request: HttpRequest) -> HttpResponse:
    """Show who is on call now and in the next 14 days, and where nobody is."""
    member, now = member_of(request), timezone.now()
    changes = RotaChange.objects.filter(clinic_id=member.clinic_id, cancelled_at=None)
    changes = changes.filter(ends_at__gt=now).select_related("away__user", "member__user")
    shifts = Shift.objects.filter(clinic_id=member.clinic_id, ends_at__gt=now)
    lists = (
        Listing(
            "shifts", SHIFT_COLUMNS,
            lambda: shifts.select_related("member__user").order_by("starts_at", "rung"),
            title="All shifts to come",
        ),
        Listing("rota_changes", CHANGE_COLUMNS, lambda: changes, title="Changes"),
    )  # fmt: skip
    context = {
        "on_call": on_call_now(member.clinic_id, now),
        "coverage": coverage_of(member.clinic, now, reachable_members(member.clinic)),
        "changes": changes,
        "may_edit": may(member, Right.EDIT_ROTA),
        "whole": "all" in request.GET,  # on a phone three days, unless all are asked for
        "now": now,
        "drill": Drill.objects.latest_of_each().filter(clinic_id=member.clinic_id).first(),
    }
    return show_list(request, lists, "alerts/rota.html", context)


def reachable_members(clinic: Clinic) -> set[UUID]:
    """Return the members of the clinic with a verified way to reach them."""
    verified = ContactMethod.objects.verified().filter(member__clinic=clinic)
    return set(verified.values_list("member_id", flat=True))


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_ROTA)
def rota_edit(request: HttpRequest) -> HttpResponse:
    """Show the weekly pattern and add to it."""
    member = member_of(request)
    form = TurnForm(request.POST or None, clinic=member.clinic)
    if request.method == "POST" and form.is_valid():
        actions.add_turns(by=member.user, now=timezone.now(), **form.cleaned_data)
        messages.success(request, "Added. The shifts of the next eight weeks are made.")
        return redirect("alerts:rota_edit")
    rungs = [rung for rung, _ in ROTA_RUNGS]
    turns = sorted(
        WeeklyTurn.objects.filter(clinic=member.clinic).select_related("member__user"),
        key=lambda turn: (turn.starts, rungs.index(turn.rung)),
    )
    week = [(name, [turn for turn in turns if turn.weekday == day]) for day, name in WEEKDAYS]
    context = {"form": form, "week": week, "has_turns": bool(turns)}
    listing = Listing("weekly_pattern", TURN_COLUMNS, lambda: turns)
    status = 422 if form.is_bound else 200
    return show_list(request, listing, "alerts/rota_edit.html", context, status=status)


@require_POST
@requires(Right.EDIT_ROTA)
def turn_remove(request: HttpRequest, turn_id: UUID) -> HttpResponse:
    """Take a line out of the weekly pattern."""
    rows = WeeklyTurn.objects.select_related("clinic")
    turn = fetch_in_scope(request, rows, pk=turn_id)
    actions.remove_turn(turn=turn, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"Removed: {turn}.")
    return redirect("alerts:rota_edit")


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_ROTA)
def shift_change(request: HttpRequest, shift_id: UUID) -> HttpResponse:
    """Give a shift, or part of it, to somebody else, or leave it empty."""
    rows = Shift.objects.select_related("clinic", "member__user").filter(generated=True)
    shift = fetch_in_scope(request, rows, pk=shift_id)
    now = timezone.now()
    form = ShiftChangeForm(request.POST or None, shift=shift, now=now)
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_rota(
                clinic=shift.clinic, rung=shift.rung, away=shift.member,
                by=member_of(request).user, now=now, **form.cleaned_data,
            )  # fmt: skip
        except actions.RotaError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "The rota is changed.")
            return redirect("alerts:rota")
    context = {"form": form, "shift": shift}
    return render(
        request, "alerts/shift_change.html", context, status=422 if form.is_bound else 200
    )


@require_POST
@requires(Right.EDIT_ROTA)
def change_cancel(request: HttpRequest, change_id: UUID) -> HttpResponse:
    """Let the weekly pattern hold again."""
    change = fetch_in_scope(request, RotaChange.objects.select_related("clinic"), pk=change_id)
    actions.cancel_change(change=change, by=member_of(request).user, now=timezone.now())
    messages.success(request, "The change is undone.")
    return redirect("alerts:rota")


@require_POST
@requires(Right.EDIT_ROTA)
def rota_extend(request: HttpRequest) -> HttpResponse:
    """Make the shifts of the coming weeks now."""
    made = actions.extend_rota(clinic=member_of(request).clinic, now=timezone.now())
    messages.success(request, f"{made} new shifts. The next eight weeks are made.")
    return redirect("alerts:rota")


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_ROTA)
def hours(request: HttpRequest) -> HttpResponse:
    """Show and set when the clinic is open and what cover it promises."""
    member = member_of(request)
    form = HoursForm(request.POST or None, initial=stored_hours(member.clinic))
    if request.method == "POST" and form.is_valid():
        actions.set_hours(
            clinic=member.clinic, hours=form.hours, cover=form.cleaned_data["cover"],
            by=member.user, now=timezone.now(),
        )  # fmt: skip
        messages.success(request, "The opening hours are saved.")
        return redirect("alerts:hours")
    return show_hours(request, form, ClosedDayForm())


def show_hours(request: HttpRequest, form: HoursForm, closed_form: ClosedDayForm) -> HttpResponse:
    """Render the page of hours and holidays with both its forms."""
    clinic = member_of(request).clinic
    context = {
        "form": form,
        "days": [(name, form[f"open_{day}"]) for day, name in WEEKDAYS],
        "closed_form": closed_form,
        "closed_days": ClosedDay.objects.filter(clinic=clinic, day__gte=timezone.localdate()),
    }
    status = 422 if form.is_bound or closed_form.is_bound else 200
    return render(request, "alerts/hours.html", context, status=status)


def stored_hours(clinic: Clinic) -> dict[str, Any]:
    """Return what the form of hours begins with."""
    promise = CoverPromise.objects.filter(clinic=clinic).first()
    values: dict[str, Any] = {"cover": promise.cover if promise else CoverPromise.Cover.ALWAYS}
    for row in OpeningHours.objects.filter(clinic=clinic):
        values.setdefault(f"open_{row.weekday}", []).append((row.opens, row.closes))
    return values


@require_POST
@requires(Right.EDIT_ROTA)
def closed_day_add(request: HttpRequest) -> HttpResponse:
    """Close the clinic on a day."""
    member, form = member_of(request), ClosedDayForm(request.POST)
    if not form.is_valid():
        return show_hours(request, HoursForm(initial=stored_hours(member.clinic)), form)
    actions.add_closed_day(
        clinic=member.clinic, by=member.user, now=timezone.now(), **form.cleaned_data
    )
    messages.success(request, "The clinic is closed on that day.")
    return redirect("alerts:hours")


@require_POST
@requires(Right.EDIT_ROTA)
def closed_day_remove(request: HttpRequest, closed_id: int) -> HttpResponse:
    """Let the clinic open on that day after all."""
    closed = fetch_in_scope(request, ClosedDay.objects.select_related("clinic"), pk=closed_id)
    actions.remove_closed_day(closed=closed, by=member_of(request).user, now=timezone.now())
    messages.success(request, "The clinic opens on that day.")
    return redirect("alerts:hours")


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_ROTA)
def ladders(request: HttpRequest) -> HttpResponse:
    """Show when each rung is climbed, and change one level at a time."""
    member = member_of(request)
    posted = request.POST.get("level", "")
    forms = {level: ladder_form(request, member.clinic, level, posted) for level in LEVEL_LABELS}
    form = forms.get(posted)  # type: ignore[call-overload]
    if form is not None and form.is_valid():
        times = {name: form.cleaned_data.get(name) for name in RUNG_NAMES}
        actions.set_ladder(
            clinic=member.clinic, level=posted, times=times, by=member.user, now=timezone.now()
        )
        messages.success(request, "The ladder is saved.")
        return redirect("alerts:ladders")
    rows = [(level.value, LEVEL_LABELS[level], forms[level]) for level in forms]
    status = 422 if request.method == "POST" else 200
    return render(request, "alerts/ladders.html", {"ladders": rows}, status=status)


def ladder_form(request: HttpRequest, clinic: Clinic, level: Level, posted: str) -> LadderForm:
    """Return the form of one level: as posted, as stored, or with the defaults."""
    own = ClinicLadder.objects.filter(clinic=clinic, level=level).first()
    times = own.times if own else SLOWEST[level]
    data = request.POST if posted == level else None
    return LadderForm(data, level=level, initial=dict(zip(RUNG_NAMES, times, strict=True)))
