"""The caseload page, its export, and the reader's saved views of it."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.clinical.drugs import get_drug
from apps.dashboard import caseload as cases
from apps.dashboard.board import LEVELS
from apps.dashboard.models import SavedView
from apps.dashboard.state_actions import refresh_own
from apps.dashboard.view_actions import ViewError, remove_view, save_view
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Column, Listing, csv_answer, looked, wants_csv
from apps.patients.permissions import Right

REFRESH_AT_MOST: Final = 200


@require_http_methods(["GET", "POST"])
@requires(Right.SEE_PATIENTS)
def caseload(request: HttpRequest) -> HttpResponse:
    """Show the clinic's patients: filtered, sorted, found, one page at a time.

    A search comes by POST and goes on under a sealed link, which a page can go back to.
    """
    if request.method == "POST":
        wanted = cases.read_choice(request.POST.dict())
        link = {"find": cases.sealed_search(wanted)}
        return to_caseload(cases.read_choice(request.POST.dict(), link))
    member, now, views = member_of(request), timezone.now(), own_views(request)
    if wants_csv(request):
        return whole_caseload(request, views)
    choice = asked(request, views)
    refresh_own(member.clinic_id, now, limit=REFRESH_AT_MOST)
    page = cases.page_of(member, choice, now)
    shown = [row.patient_id for row in page.rows]
    looked(request, "caseload.viewed", shown, shown=len(shown))
    return render(request, "dashboard/caseload.html", context_of(choice, page, views, now))


def own_views(request: HttpRequest) -> list[SavedView]:
    """Return the views that the reader has saved."""
    member = member_of(request)
    return list(SavedView.objects.filter(clinic_id=member.clinic_id, user_id=member.user_id))


def asked(request: HttpRequest, views: list[SavedView]) -> cases.Choice:
    """Return what a link asks for: a sealed search or a saved view, an order, a place."""
    given = request.GET
    wanted = {name: given[name] for name in ("sort", "after") if name in given}
    chosen = [view for view in views if str(view.pk) == given.get("view")]
    if chosen:
        return cases.read_choice(chosen[0].chosen | wanted, {"view": str(chosen[0].pk)})
    found = cases.read_search(given.get("find", ""))
    return cases.read_choice(found | wanted, {"find": given["find"]} if found else {})


def context_of(
    choice: cases.Choice, page: cases.Page, views: list[SavedView], now: datetime
) -> dict[str, Any]:
    """Return what the template reads."""
    return {
        "rows": page.rows,
        "choice": choice,
        "now": now,
        "next_query": urlencode(choice.as_params(after=page.after)) if page.after else "",
        "first_query": urlencode(choice.as_params()) if choice.after else "",
        "query_string": urlencode(choice.as_params()),
        "columns": column_links(choice),
        "filters": [
            {"name": name, "values": values.items(), "chosen": choice.filters.get(name, "")}
            for name, values in cases.FILTERS.items()
        ],
        "views": views,
    }


def to_caseload(choice: cases.Choice) -> HttpResponse:
    """Lead to the caseload as chosen."""
    return redirect(f"{reverse('dashboard:caseload')}?{urlencode(choice.as_params())}")


def column_links(choice: cases.Choice) -> dict[str, dict[str, Any]]:
    """Return for every sortable column its words, its link and which way it points now."""
    links = {}
    for name, sort in cases.SORTS.items():
        current = name == choice.sort
        down = not choice.down if current else sort.first_down
        links[name] = {
            "label": sort.label,
            "value": ("-" if (choice.down if current else sort.first_down) else "") + name,
            "query": urlencode(choice.as_params(sort=("-" if down else "") + name)),
            "way": ("descending" if choice.down else "ascending") if current else "",
        }
    return links


@require_GET
@requires(Right.SEE_PATIENTS)
def caseload_csv(request: HttpRequest) -> HttpResponse:
    """Return all the chosen patients, however many, as a table for a spreadsheet."""
    return whole_caseload(request, own_views(request))


def whole_caseload(request: HttpRequest, views: list[SavedView]) -> HttpResponse:
    """Return the chosen patients as a file, and write down whom it holds."""
    member, now = member_of(request), timezone.now()
    refresh_own(member.clinic_id, now, limit=REFRESH_AT_MOST)
    choice = replace(asked(request, views), after=None)
    rows = cases.rows_of(member, choice, now)
    return csv_answer(request, Listing("caseload", columns(now), lambda: rows, "patient_id"))


def columns(now: datetime) -> list[Column]:
    """Return what a patient's line says, in order."""
    return [
        ("Reference", "patient.reference"), ("Family name", "patient.family_name"),
        ("Given name", "patient.given_name"), ("Phone", "patient.phone"),
        ("Stage", "get_stage_display"), ("Risk", "get_tier_display"),
        ("Drug", lambda row: get_drug(row.drug_id).name if row.drug_id else ""),
        ("Dose now", "dose"), ("Step", lambda row: row.step or ""),
        ("Steps", lambda row: row.steps or ""), ("Trend", "get_trend_display"),
        ("Score of 40", "score"), ("Last check-in", "last_check_in_at"),
        ("Silent", lambda row: "silent" if row.silent_from and row.silent_from <= now else ""),
        ("Next step", "next_on"), ("Next dose", "next_dose"), ("Blocked by", "blocked"),
        ("Open alerts", "alerts"),
        ("Most severe", lambda row: LEVELS[row.alert_rank] if row.alerts else ""),
    ]  # fmt: skip


@require_POST
@requires(Right.SEE_PATIENTS)
def view_save(request: HttpRequest) -> HttpResponse:
    """Keep the present filters and order under a name; a search is never kept."""
    choice = cases.read_choice(request.POST.dict())
    name = "".join(filter(str.isprintable, request.POST.get("name", ""))).strip()[:40]
    if not name:
        messages.warning(request, "Give the view a name, such as: high risk, next step this week.")
    else:
        try:
            kept = choice.as_kept()
            view = save_view(member=member_of(request), name=name, chosen=kept, now=timezone.now())
        except ViewError as error:
            messages.warning(request, str(error))
        else:
            messages.success(request, f"Saved as “{name}”.")
            return to_caseload(cases.read_choice(kept, {"view": str(view.pk)}))
    link = {"find": cases.sealed_search(choice)}
    return to_caseload(cases.read_choice(choice.as_kept(), link))


@require_POST
@requires(Right.SEE_PATIENTS)
def view_remove(request: HttpRequest, view_id: UUID) -> HttpResponse:
    """Forget one of the reader's own views."""
    own = SavedView.objects.filter(user_id=member_of(request).user_id)
    view = fetch_in_scope(request, own, pk=view_id)
    remove_view(view=view, by=member_of(request).user, now=timezone.now())
    messages.success(request, f"“{view.name}” is removed.")
    return redirect("dashboard:caseload")
