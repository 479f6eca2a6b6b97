"""The page at the end of a shift: what goes over, to whom, and what changed meanwhile."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.alerts.act_actions import HandOverError
from apps.alerts.forms import HandOverForm
from apps.alerts.states import TransitionError
from apps.dashboard.hand_over import hand_over_of, hand_over_rows
from apps.dashboard.hand_over_actions import hand_over_everything
from apps.patients.access import member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

COLUMNS = (
    ("Kind", "kind"), ("Reference", "patient.reference"), ("Family name", "patient.family_name"),
    ("Given name", "patient.given_name"), ("At", "at"), ("What", "what"), ("Who", "who"),
)  # fmt: skip


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
    found = hand_over_of(member, now)
    rows = list(hand_over_rows(found))
    listing = Listing("hand_over", COLUMNS, lambda: rows, "patient.pk", alert="alert_id")
    context = {"form": form, "hand_over": found, "now": now}
    status = 422 if form.is_bound else 200
    return show_list(
        request, listing, "dashboard/hand_over.html", context, shown=rows, status=status
    )


def counted(number: int, thing: str) -> str:
    """Return a number with its noun."""
    return f"{number} {thing}{'' if number == 1 else 's'}"
