"""What a program may read: who it is, the board, alerts, the questions of a check-in."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from ninja import Query

from apps.alerts.models import Alert, AlertAct
from apps.api.entry import ProgramToken, answers, api, operation
from apps.api.schemas import (
    AlertDetail,
    AlertFilter,
    AlertList,
    Me,
    QuestionnaireOut,
    Worklist,
)
from apps.audit.actions import record_shown
from apps.checkins.as_given import answer_rows
from apps.checkins.models import CheckIn
from apps.clinical.questionnaires import LATEST, get_questionnaire
from apps.dashboard.board import Board, Job, board_of, decorate
from apps.dashboard.board_views import REFRESH_AT_MOST
from apps.dashboard.state_actions import refresh_own
from apps.dashboard.views import saw
from apps.patients.access import fetch_in_scope, member_of
from apps.patients.models import Patient
from apps.patients.refusals import note_unknown
from apps.programs.access import program_of
from apps.programs.problems import ProblemError
from apps.programs.scopes import Scope

PER_PAGE = 50


@api.get(
    "/me", auth=ProgramToken(), response=answers(Me), openapi_extra=operation(""), url_name="me"
)
def me(request: HttpRequest) -> dict[str, Any]:
    """Say which program asks, and in whose name."""
    program = program_of(request)
    return {
        "program": program.name, "clinic": program.clinic.name,
        "person": program.member.user.full_name, "seen_by": program.member_id,
        "scopes": program.scopes,
    }  # fmt: skip


@api.get(
    "/worklist", auth=ProgramToken(Scope.WORKLIST_READ), response=answers(Worklist),
    openapi_extra=operation(Scope.WORKLIST_READ), url_name="worklist",
)  # fmt: skip
def worklist(request: HttpRequest) -> dict[str, Any]:
    """Give the board: what needs somebody now, most severe and oldest first."""
    member, now = member_of(request), timezone.now()
    refresh_own(member.clinic_id, now, limit=REFRESH_AT_MOST)
    board = board_of(member, now)
    patients = {alert.patient_id for alert in board.alerts} | {j.patient_id for j in board.jobs}
    note_read(request, "worklist.read", patients, {alert.pk for alert in board.alerts})
    return worklist_of(board)


def worklist_of(board: Board) -> dict[str, Any]:
    """Return the board as the API gives it."""
    return {
        "at": board.now,
        "alerts": [line_of(alert) for alert in board.alerts],
        "more_alerts": board.more_alerts,
        "jobs": [job_of(job) for job in board.jobs],
        "more_jobs": board.more_jobs,
        "on_call": [{"name": s.member.user.full_name, "rung": s.rung} for s in board.on_call],
    }


def line_of(alert: Alert) -> dict[str, Any]:
    """Return an alert that `decorate` has looked at."""
    return {
        "id": alert.pk, "reference": alert.reference, "level": alert.level, "url": page_of(alert),
        "status": alert.status, "opened_at": alert.opened_at,
        "why": alert.summary_lines,  # type: ignore[attr-defined]
        "due_at": alert.due_at, "late": alert.late,  # type: ignore[attr-defined]
        "patient": patient_of(alert.patient), "owner": owner_of(alert),
    }  # fmt: skip


def page_of(alert: Alert) -> str:
    """Return the address at which a person reads and closes it."""
    return f"{settings.SITE_URL}{reverse('dashboard:alert', args=[alert.pk])}"


def patient_of(patient: Patient) -> dict[str, Any]:
    """Return whom it is about."""
    return {"id": patient.pk, "name": patient.full_name}


def owner_of(alert: Alert) -> dict[str, Any] | None:
    """Return who has the alert."""
    return {"id": alert.owner_id, "name": alert.owner.full_name} if alert.owner else None


def job_of(job: Job) -> dict[str, Any]:
    """Return one line of today's tasks."""
    names = ("key", "kind", "what", "due_at", "overdue", "owner", "task_id", "detail")
    patient = {"id": job.patient_id, "name": job.patient}
    return {name: getattr(job, name) for name in names} | {"patient": patient}


def note_read(request: HttpRequest, event: str, patients: set[UUID], alerts: set[UUID]) -> None:
    """Write down about whom, and of which alerts, a program has read."""
    member = member_of(request)
    record_shown(
        event, patients=patients, alerts=alerts, by=member.user, now=timezone.now(),
        clinic_id=member.clinic_id,
    )  # fmt: skip


@api.get(
    "/alerts", auth=ProgramToken(Scope.ALERTS_READ), response=answers(AlertList, 200, 422),
    openapi_extra=operation(Scope.ALERTS_READ), url_name="alerts",
)  # fmt: skip
def alert_list(request: HttpRequest, wanted: Query[AlertFilter]) -> dict[str, Any]:
    """Give the clinic's alerts, fifty to a page, most severe first; closed ones newest first."""
    rows = Alert.objects.filter(clinic_id=member_of(request).clinic_id)
    if wanted.patient is not None:
        rows = rows.filter(patient_id=wanted.patient)
        own = Patient.objects.visible_to(member_of(request))
        note_unknown([wanted.patient], own.filter(pk=wanted.patient).values_list("pk", flat=True))
    unresolved = wanted.status == "unresolved"
    rows = rows.unresolved() if unresolved else rows.filter(status=wanted.status)
    rows = rows.order_by("-opened_at", "pk") if wanted.status == "resolved" else rows.by_urgency()
    first, now = (wanted.page - 1) * PER_PAGE, timezone.now()
    found = list(
        rows.select_related("patient", "owner")
        .prefetch_related("deliveries__recipient__user")[first : first + PER_PAGE + 1]
    )  # fmt: skip
    shown = found[:PER_PAGE]
    for alert in shown:
        decorate(alert, now)
    patients = {alert.patient_id for alert in shown}
    note_read(request, "alerts.listed", patients, {alert.pk for alert in shown})
    more = len(found) > PER_PAGE
    return {"alerts": [line_of(alert) for alert in shown], "page": wanted.page, "more": more}


def fetch_alert(request: HttpRequest, alert_id: UUID) -> Alert:
    """Return an alert of the program's clinic, else 404."""
    acts = Prefetch("acts", AlertAct.objects.select_related("by"))
    rows = Alert.objects.select_related("patient", "owner", "clinic").prefetch_related(acts)
    alert: Alert = fetch_in_scope(request, rows, pk=alert_id)
    return alert


@api.get(
    "/alerts/{uuid:alert_id}", auth=ProgramToken(Scope.ALERTS_READ),
    response=answers(AlertDetail, 200, 404), openapi_extra=operation(Scope.ALERTS_READ),
    url_name="alert",
)  # fmt: skip
def alert_detail(request: HttpRequest, alert_id: UUID) -> dict[str, Any]:
    """Give everything about one alert, with the answers that raised it. Notes who looked."""
    alert = fetch_alert(request, alert_id)
    saw(request, "alert.viewed", alert.patient, alert)
    decorate(alert, timezone.now())
    check_in = CheckIn.objects.select_related("triage").filter(pk=alert.source_id).first()
    rows = answer_rows(check_in) if check_in else []
    names = (
        "response_minutes", "acknowledged_at", "ack_due_at", "resolved_at", "outcome", "note",
    )  # fmt: skip
    return {
        **line_of(alert),
        **{name: getattr(alert, name) for name in names},
        "acts": [
            {"at": act.at, "by": act.by.full_name, "kind": act.kind, "note": act.note}
            for act in alert.acts.all()
        ],
        "check_in_id": check_in.pk if check_in else None,
        "answers": [{**row, "fired": row["red"]} for row in rows],
    }


@api.get(
    "/questionnaires/{kind}", auth=ProgramToken(Scope.CHECK_INS_WRITE),
    response=answers(QuestionnaireOut, 200, 404), openapi_extra=operation(Scope.CHECK_INS_WRITE),
    url_name="questionnaire",
)  # fmt: skip
def questionnaire(request: HttpRequest, kind: str) -> dict[str, Any]:
    """Give the questions to ask, in English and Spanish, in the order to ask them."""
    if kind not in ("daily", "weekly"):
        raise ProblemError(404, "not-found", "There is a daily and a weekly questionnaire.")
    found = get_questionnaire(kind, LATEST[kind])
    return {
        "questionnaire": kind,
        "version": found.version,
        "questions": [question_of(item) for item in found.items],
    }


def question_of(item: Any) -> dict[str, Any]:
    """Return one question."""
    return {
        "key": item.key, "kind": item.kind, "wording": dict(item.wording),
        "mandatory": item.mandatory,
        "options": [{"value": posted(o.value), "label": dict(o.label)} for o in item.options],
        "units": [str(each.value) for each in item.units],
        "minimum": None if item.minimum is None else str(item.minimum),
        "maximum": None if item.maximum is None else str(item.maximum),
    }  # fmt: skip


def posted(value: Any) -> str:
    """Return an option's value as it is sent."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
