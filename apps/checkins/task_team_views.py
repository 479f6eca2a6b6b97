"""What colleagues do with tasks among themselves: hand on, comment, make one of their own."""

from datetime import UTC, date, datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from apps.checkins.models import CareTask, policy_of
from apps.checkins.task_actions import AT_LEAST, TaskClosedError
from apps.checkins.task_forms import CommentForm, DelegateForm, FollowUpForm
from apps.checkins.task_team_actions import comment_task, delegate_task, open_team_task
from apps.checkins.task_views import TASKS, show_task
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.models import Clinic
from apps.patients.permissions import Right


@require_POST
@requires(Right.HANDLE_ALERTS)
def task_delegate(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Give a task to a colleague, or back to the team."""
    task: CareTask = fetch_in_scope(request, TASKS.all(), pk=task_id)
    form = DelegateForm(request.POST, clinic_id=task.clinic_id)
    if not form.is_valid():
        return show_task(request, task, 422, delegate_form=form)
    member, by = form.cleaned_data["to"], member_of(request).user
    to, note = member.user if member else None, form.cleaned_data["note"]
    try:
        delegate_task(task=task, to=to, note=note, by=by, now=timezone.now())
    except TaskClosedError as problem:
        messages.warning(request, str(problem))
    else:
        messages.success(request, f"{to.full_name if to else 'The team'} has it now.")
    return redirect("checkins:task", task.pk)


@require_POST
@requires(Right.HANDLE_ALERTS)
def task_comment(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Add a line to the conversation about a task."""
    task: CareTask = fetch_in_scope(request, TASKS.all(), pk=task_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return show_task(request, task, 422, comment_form=form)
    by = member_of(request).user
    comment_task(task=task, text=form.cleaned_data["text"], by=by, now=timezone.now())
    return redirect("checkins:task", task.pk)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def task_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Make a task for a colleague, the team or oneself."""
    patient, member = fetch_patient(request, patient_id), member_of(request)
    initial = {"due_on": timezone.localdate()}
    form = FollowUpForm(request.POST or None, clinic_id=member.clinic_id, initial=initial)
    if form.is_bound and form.is_valid():
        values, now = form.cleaned_data, timezone.now()
        task = open_team_task(
            patient=patient, kind=CareTask.Kind.FOLLOW_UP, title=values["title"],
            owner=values["to"].user if values["to"] else None,
            due_at=max(end_of(values["due_on"], member.clinic), now + AT_LEAST),
            by=member.user, now=now,
        )  # fmt: skip
        if values["note"].strip():
            comment_task(task=task, text=values["note"].strip(), by=member.user, now=now)
        messages.success(request, "The task stands on the board of its day.")
        return redirect("dashboard:patient", patient.pk)
    context = {"form": form, "patient": patient}
    status = 422 if form.is_bound else 200
    return render(request, "checkins/task_create.html", context, status=status)


def end_of(day: date, clinic: Clinic) -> datetime:
    """Return when a day ends on the clinic's clock: until then it is in time."""
    until = policy_of(clinic.pk).requests_until
    return datetime.combine(day, until, tzinfo=clinic.tz).astimezone(UTC)
