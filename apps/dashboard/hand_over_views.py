"""The page at the end of a shift: what goes over, to whom, and what changed meanwhile."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.alerts.act_actions import HandOverError
from apps.alerts.forms import HandOverForm
from apps.alerts.states import TransitionError
from apps.audit.actions import record
from apps.dashboard.hand_over import hand_over_of
from apps.dashboard.hand_over_actions import hand_over_everything
from apps.patients.access import member_of, requires
from apps.patients.permissions import Right


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def hand_over(request: HttpRequest) -> HttpResponse:
    """Show the hand-over, and give everything the reader has to one colleague."""
    member, now = member_of(request), timezone.now()
    form = HandOverForm(request.POST or None, clinic_id=member.clinic_id, owner=member.user)
    if request.method == "POST" and form.is_valid():
        try:
            alerts, tasks = hand_over_everything(leaving=member, now=now, **form.cleaned_data)
        except (HandOverError, TransitionError) as error:
            form.add_error("to", str(error))
        else:
            name = form.cleaned_data["to"].user.full_name
            said = f"{name} has your {counted(alerts, 'alert')} and {counted(tasks, 'task')} now."
            messages.success(request, said)
            return redirect("dashboard:board")
    record("hand_over.viewed", by=member.user, now=now, clinic_id=member.clinic_id)
    context = {"form": form, "hand_over": hand_over_of(member, now), "now": now}
    status = 422 if form.is_bound else 200
    return render(request, "dashboard/hand_over.html", context, status=status)


def counted(number: int, thing: str) -> str:
    """Return a number with its noun."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
