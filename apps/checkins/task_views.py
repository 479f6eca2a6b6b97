"""Staff pages of what patients asked for."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.audit.actions import record
from apps.checkins.free_text import OwnWords, own_words
from apps.checkins.models import CareTask
from apps.checkins.task_actions import TaskClosedError, TaskTakenError, close_task, take_task
from apps.checkins.task_ends import CONTACT_STAYS, act_that_ends, how_it_ends
from apps.checkins.task_forms import CommentForm, DelegateForm, TaskForm
from apps.clinical.questionnaires import get_questionnaire
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right, may

PER_PAGE = 50
TASKS = CareTask.objects.select_related("patient", "owner", "done_by", "check_in")
COLUMNS = (
    ("Task", "what"), ("Reference", "patient.reference"), ("Family name", "patient.family_name"),
    ("Given name", "patient.given_name"), ("Opened", "created_at"), ("Due", "due_at"),
    ("Owner", "owner.full_name"),
)  # fmt: skip


@require_GET
@requires(Right.HANDLE_ALERTS)
def task_list(request: HttpRequest) -> HttpResponse:
    """Show the clinic's open tasks, the most overdue first."""
    now = timezone.now()
    tasks = TASKS.all().visible_to(member_of(request)).open()
    page = Paginator(tasks, PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"task": task, "overdue": task.is_overdue(now)} for task in page.object_list]
    context = {
        "rows": rows,
        "page_obj": page,
        "clinic": member_of(request).clinic,
        "may_set_policy": may(member_of(request), Right.SET_CHECK_IN_POLICY),
    }
    listing = Listing("tasks", COLUMNS, lambda: tasks, "patient_id")
    return show_list(request, listing, "checkins/task_list.html", context, shown=page.object_list)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def task_detail(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Show one task and close it."""
    task: CareTask = fetch_in_scope(request, TASKS.all(), pk=task_id)
    form = close_form(request, task)
    if form.is_bound and form.is_valid():
        try:
            closed = close_task(
                task=task, by=member_of(request).user, now=timezone.now(), **form.cleaned_data
            )
        except TaskClosedError as problem:
            form.add_error(None, str(problem))
            task.refresh_from_db()
        else:
            messages.success(request, "The task is done." if closed.done_at else CONTACT_STAYS)
            return redirect("checkins:task_list")
    return show_task(request, task, 422 if form.is_bound else 200, form=form)


def close_form(request: HttpRequest, task: CareTask) -> TaskForm:
    """Return the form that closes a task, filled in where it was posted."""
    decides = may(member_of(request), Right.PLAN_TAPERS)
    data = request.POST if request.method == "POST" else None
    return TaskForm(data, kind=task.kind, title=task.title, may_decide=decides)


def show_task(
    request: HttpRequest, task: CareTask, status: int = 200, **forms: Any
) -> HttpResponse:
    """Render a task's page; `forms` holds the one that was posted and is not right.

    The look is written down: the page may hold the patient's own words.
    """
    record(
        "task.viewed", by=member_of(request).user, now=timezone.now(),
        clinic_id=task.clinic_id, patient_id=task.patient_id, obj=task,
    )  # fmt: skip
    unused = {
        "form": TaskForm(
            kind=task.kind,
            title=task.title,
            may_decide=may(member_of(request), Right.PLAN_TAPERS),
        ),
        "delegate_form": DelegateForm(clinic_id=task.clinic_id),
        "comment_form": CommentForm(),
    }
    context: dict[str, Any] = {
        "task": task,
        "comments": task.comments.select_related("by"),
        "own_words": words_of(task),
        "ends_by": (
            how_it_ends(task.kind, task.title) if act_that_ends(task.kind, task.title) else ""
        ),
        "clinic": member_of(request).clinic,
    }
    page = context | unused | forms
    return render(request, "checkins/task_detail.html", page, status=status)


def words_of(task: CareTask) -> list[OwnWords]:
    """Return what the patient wrote, when the task is to read it."""
    check_in = task.check_in
    if task.kind != CareTask.Kind.READ_TODAY or check_in is None:
        return []
    questions = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    return own_words(questions, check_in.answers)


@require_POST
@requires(Right.HANDLE_ALERTS)
def task_take(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Make the reader the owner."""
    task: CareTask = fetch_in_scope(request, TASKS.all(), pk=task_id)
    try:
        seen = request.POST.get("owner")
        take_task(task=task, by=member_of(request).user, now=timezone.now(), seen_owner=seen)
    except (TaskClosedError, TaskTakenError) as problem:
        messages.error(request, str(problem))
    return redirect("checkins:task", task.pk)
