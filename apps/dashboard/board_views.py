"""The board, its live part, and what one does on it without opening another page.

A form of the board is sent by a script or by the browser itself. To the script the
answer is a sentence (and where a field is wrong, which one); to the browser a redirect,
or the whole board again with what was typed.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.alerts.actions import AlertTakenError, OutcomeError, acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.alerts.states import TransitionError
from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, TaskTakenError, close_task, take_task
from apps.checkins.task_ends import CONTACT_STAYS, stays_open
from apps.checkins.task_team_actions import UndoError, undo_close
from apps.checkins.task_views import close_form
from apps.clinical.rule_words import rule_words
from apps.clinical.triage import Level
from apps.dashboard.board import KINDS_SEEN, Board, board_of
from apps.dashboard.board_actions import (
    TooSevereError,
    close_together,
    take_seen_line,
    take_together,
    undo_together,
)
from apps.dashboard.board_forms import CloseForm, TogetherForm
from apps.dashboard.context import site
from apps.dashboard.state_actions import refresh_own
from apps.patients.access import current_member, fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, csv_answer, csv_links, looked, wants_csv
from apps.patients.models import Patient, StaffMember
from apps.patients.permissions import Right, may
from apps.patients.refusals import note_unknown

SCRIPT_HEADER = "X-Board"  # to `board_live` it names the clinic that the page shows
ANY = "1"
TOO_LATE = (
    AlertTakenError, TransitionError, TaskClosedError, TaskTakenError, UndoError, TooSevereError,
)  # fmt: skip
# A board that draws itself anew adds a row when somebody is on it whom its reader was not shown
# so recently (docs/adr/0052). [proposal]
NOT_AGAIN_WITHIN = timedelta(minutes=10)
COLUMNS = (
    ("Alert", "reference"), ("Level", "get_level_display"), ("State", "get_status_display"),
    ("Reference", "patient.reference"), ("Family name", "patient.family_name"),
    ("Given name", "patient.given_name"), ("Opened", "opened_at"),
    ("Why", lambda alert: " ".join(rule_words(alert.rules))), ("Owner", "owner.full_name"),
)  # fmt: skip
REFRESH_AT_MOST = 50  # patients who changed since the clock last looked


@require_GET
def board(request: HttpRequest) -> HttpResponse:
    """Show what needs somebody now, most severe and oldest first."""
    if not may(current_member(request), Right.SEE_PATIENTS):
        if may(current_member(request), Right.SEE_ROTA):
            return redirect("alerts:rota")  # where a clinic admin's work is
        return render(request, "dashboard/no_clinical_rights.html", status=403)
    listing = open_alerts(member_of(request))
    if wants_csv(request):
        return csv_answer(request, listing)
    context = context_of(request) | {"csv_links": csv_links(request, [listing])}
    return drawn(request, render(request, "dashboard/board.html", context), context["board"])


def open_alerts(member: StaffMember) -> Listing:
    """Return all alerts that are not closed, also those that the board has no room for."""
    rows = Alert.objects.filter(clinic_id=member.clinic_id).unresolved().by_urgency()
    found = rows.select_related("patient", "owner")
    return Listing(
        "open_alerts", COLUMNS, lambda: found, "patient_id", title="Open alerts", alert="pk"
    )


def drawn(request: HttpRequest, page: HttpResponse, shown: Board) -> HttpResponse:
    """Write down who was shown whom, and give the page; drawing it anew is no flood of rows."""
    patients = {a.patient_id for a in shown.alerts} | {job.patient_id for job in shown.jobs}
    if patients:
        alerts = {alert.pk for alert in shown.alerts}
        looked(request, "board.viewed", patients, alerts=alerts, not_again_within=NOT_AGAIN_WITHIN)
    return page


def context_of(request: HttpRequest, **more: Any) -> dict[str, Any]:
    """Return what the board's templates read."""
    member, now = member_of(request), timezone.now()
    refresh_own(member.clinic_id, now, limit=REFRESH_AT_MOST)
    shown, around = board_of(member, now), getattr(request, "site_values", None)
    if around is None:
        around = site(request)["site"]
        # The context processor of the page finds it here and does not ask again.
        request.site_values = around  # type: ignore[attr-defined]
    return {
        "board": shown,
        "alerts": shown.alerts,
        "site": around,
        "mark": shown.mark(around.get("system_alarm", ""), member.pk),
        "task_outcomes": CareTask.Outcome.for_people(),
        "alert_outcomes": Alert.Outcome.choices,
        "may_handle": may(member, Right.HANDLE_ALERTS),
        "user": member.user,
        **more,
    }


@require_GET
@requires(Right.SEE_PATIENTS)
def board_live(request: HttpRequest) -> HttpResponse:
    """Return the live part when it has changed, else 304: pages ask every other second."""
    if request.headers.get(SCRIPT_HEADER, ANY) not in (ANY, str(member_of(request).clinic_id)):
        return HttpResponse(status=409)  # under the name of the other clinic these would mislead
    context = context_of(request)
    tag = f'W/"{context["mark"]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponse(status=304, headers={"ETag": tag})
    context["csrf_token"] = get_token(request)
    page = render_to_string("dashboard/board_live.html", context)
    return drawn(request, HttpResponse(page, headers={"ETag": tag}), context["board"])


def done(request: HttpRequest, said: str, undo: str = "") -> HttpResponse:
    """Say what was done: to the script in headers, to the browser on the board."""
    if request.headers.get(SCRIPT_HEADER):
        return HttpResponse(status=204, headers={"X-Said": quote(said), "X-Undo": undo})
    messages.success(request, said)
    if undo:
        messages.info(request, undo, extra_tags="undo")
    return redirect("dashboard:board")


def refuse(request: HttpRequest, line: str, errors: dict[str, Any]) -> HttpResponse:
    """Say what is wrong beside the field it is in; nothing that was typed is lost."""
    if request.headers.get(SCRIPT_HEADER):
        told = {name: [str(text) for text in texts] for name, texts in errors.items()}
        return JsonResponse({"errors": told}, status=422)
    chosen = request.POST.getlist("line")
    wrong = {"line": line, "errors": errors, "typed": request.POST, "chosen": chosen}
    context = context_of(request, wrong=wrong)
    page = render(request, "dashboard/board.html", context, status=422)
    return drawn(request, page, context["board"])


def attempt(
    request: HttpRequest, line: str, work: Callable[[], object],
    said: str | Callable[[Any], str], undo: str = "",
) -> HttpResponse:  # fmt: skip
    """Do one act; one that came too late is told in a sentence."""
    try:
        outcome = work()
    except OutcomeError as error:
        return refuse(request, line, {"outcome": [str(error)]})
    except TOO_LATE as error:
        if request.headers.get(SCRIPT_HEADER):
            return JsonResponse({"errors": {"": [str(error)]}}, status=422)
        messages.warning(request, str(error))
        return redirect("dashboard:board")
    return done(request, said if isinstance(said, str) else said(outcome), undo)


@require_POST
@requires(Right.HANDLE_ALERTS)
def take_alert(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Take the alert and stay on the board."""
    alert = fetch_in_scope(request, Alert.objects.all(), pk=alert_id)
    by, now = member_of(request).user, timezone.now()
    said = f"Alert {alert.reference} is yours."
    work = partial(acknowledge_alert, alert=alert, by=by, now=now)
    return attempt(request, f"alert-{alert.pk}", work, said)


@require_POST
@requires(Right.HANDLE_ALERTS)
def close_alert(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    """Close an alert from the board; an emergency is closed where its answers stand."""
    alert = fetch_in_scope(request, Alert.objects.all(), pk=alert_id)
    if alert.level == Level.EMERGENCY.value:
        return redirect("dashboard:alert", alert.pk)
    form, line = CloseForm(request.POST), f"alert-{alert.pk}"
    if not form.is_valid():
        return refuse(request, line, form.errors)
    by, now = member_of(request).user, timezone.now()
    work = partial(resolve_alert, alert=alert, by=by, now=now, **form.cleaned_data)
    return attempt(request, line, work, f"Alert {alert.reference} is closed.")


def fetch_task(request: HttpRequest, task_id: UUID) -> CareTask:
    """Return a task of the reader's clinic, else 404."""
    task: CareTask = fetch_in_scope(request, CareTask.objects.all(), pk=task_id)
    return task


@require_POST
@requires(Right.HANDLE_ALERTS)
def take_job(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Take a task and stay on the board."""
    task, by, now = fetch_task(request, task_id), member_of(request).user, timezone.now()
    work = partial(take_task, task=task, by=by, now=now, seen_owner=request.POST.get("owner"))
    return attempt(request, f"task-{task.pk}", work, f"“{task.what}” is yours.")


@require_POST
@requires(Right.HANDLE_ALERTS)
def finish_job(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Close a task with its outcome and stay on the board."""
    task = fetch_task(request, task_id)
    form = close_form(request, task)
    if not form.is_valid():
        return refuse(request, f"task-{task.pk}", form.errors)
    by, now = member_of(request).user, timezone.now()
    work = partial(close_task, task=task, by=by, now=now, **form.cleaned_data)
    if stays_open(task.kind, form.cleaned_data["outcome"], task.title):
        return attempt(request, f"task-{task.pk}", work, CONTACT_STAYS)
    undo = reverse("dashboard:board_task_undo", args=[task.pk])
    return attempt(request, f"task-{task.pk}", work, f"Done: {task.what}.", undo)


@require_POST
@requires(Right.HANDLE_ALERTS)
def undo_job(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Open a task again that the reader closed a moment ago."""
    task, by, now = fetch_task(request, task_id), member_of(request).user, timezone.now()
    work = partial(undo_close, task_id=task.pk, by=by, now=now)
    return attempt(request, f"task-{task.pk}", work, f"Open again: {task.what}.")


@require_POST
@requires(Right.HANDLE_ALERTS)
def take_seen(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Make a task of what the board saw (silence, a waiting step) and take it."""
    patient = fetch_patient(request, patient_id)
    kind = request.POST.get("kind", "")
    if kind not in KINDS_SEEN:
        return refuse(request, "", {"": ["This line is not there any more."]})
    by, now = member_of(request).user, timezone.now()
    work = partial(take_seen_line, patient=patient, kind=kind, by=by, now=now)
    return attempt(request, "", work, f"“{CareTask.Kind(kind).label}” is yours.")


def seen_lines(member: StaffMember, chosen: list[tuple[str, UUID]]) -> list[tuple[str, Patient]]:
    """Return kind and patient of chosen lines that nobody has made a task of."""
    own = Patient.objects.visible_to(member)
    found = own.in_bulk([patient_id for _, patient_id in chosen])
    return [(kind, found[key]) for kind, key in dict.fromkeys(chosen) if key in found]


@require_POST
@requires(Right.HANDLE_ALERTS)
def together(request: HttpRequest) -> HttpResponse:
    """Take or close several watch alerts and tasks at once, or undo it; a red flag never."""
    if "undo" in request.GET:
        return undo_several(request)
    form, member = TogetherForm(request.POST), member_of(request)
    if not form.is_valid():
        return refuse(request, "together", form.errors)
    own = {"clinic_id": member.clinic_id}
    lines: dict[str, Any] = {
        "alerts": list(Alert.objects.filter(**own, pk__in=form.alert_ids)),
        "tasks": list(CareTask.objects.filter(**own, pk__in=form.task_ids)),
        "seen": seen_lines(member, form.seen),
    }
    found = [row.pk for row in (*lines["alerts"], *lines["tasks"])]
    found += [patient.pk for _, patient in lines["seen"]]
    note_unknown([*form.alert_ids, *form.task_ids, *(key for _, key in form.seen)], found)
    values, by, now = form.cleaned_data, member.user, timezone.now()
    chosen = len(form.alert_ids) + len(form.task_ids) + len(form.seen)
    if values["act"] == "take":
        work = partial(take_together, **lines, by=by, now=now)
        return attempt(request, "together", work, partial(came_of_them, "Taken", chosen))
    work = partial(
        close_together, **lines, outcome=values["outcome"], note=values["note"], by=by, now=now
    )
    undo = f"{reverse('dashboard:board_together')}?{urlencode({'undo': now.isoformat()})}"
    return attempt(request, "together", work, partial(came_of_them, "Closed", chosen), undo)


def undo_several(request: HttpRequest) -> HttpResponse:
    """Open again what the reader closed together a moment ago."""
    closed_at, member = parse_moment(request.GET["undo"]), member_of(request)
    if closed_at is None:
        return refuse(request, "", {"": ["There is nothing to undo."]})
    now = timezone.now()
    work = partial(
        undo_together, clinic_id=member.clinic_id, closed_at=closed_at, by=member.user, now=now
    )
    return attempt(request, "", work, lambda number: f"Open again: {number}.")


def parse_moment(text: str) -> datetime | None:
    """Return a moment as its link says it, None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def came_of_them(act: str, chosen: int, number: int) -> str:
    """Return how many of the chosen lines it came to."""
    if number >= chosen:
        return f"{act}: {number}."
    return f"{act}: {number} of {chosen}. A colleague has the rest, or has closed it."
