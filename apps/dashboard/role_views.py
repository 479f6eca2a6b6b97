"""The page of roles: what a clinic admin gives and takes, and what waits for somebody's word."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.models import RoleChange
from apps.accounts.proof import require_recent_proof
from apps.dashboard import role_actions
from apps.dashboard.who_decides import deciders_of
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import RIGHTS, Right, lets_sign

SHOWN: Final = timedelta(days=90)  # [proposal]; the record keeps them all
MOST: Final = 200
COLUMNS: Final = (
    ("Who", "whom"), ("What", "get_what_display"), ("Role", "role_words"), ("By", "by.full_name"),
    ("When", "at"), ("State", "get_state_display"), ("Decided by", "decided_by.full_name"),
    ("Agreed without a lead", "agreement"),
)  # fmt: skip
ROWS: Final = RoleChange.objects.select_related("by", "decided_by", "invitation", "member__user")


@require_GET
@requires(Right.DECIDE_ROLES)
def roles(request: HttpRequest) -> HttpResponse:
    """Show the clinical roles that were given and taken, those that wait first."""
    mine, since = member_of(request), timezone.now() - SHOWN
    found = ROWS.filter(clinic_id=mine.clinic_id, at__gte=since).order_by("-at")
    rows = list(found[:MOST])
    context = {
        "waiting": [row for row in rows if row.state == RoleChange.State.WAITING],
        "may_decide": deciders_of(mine.clinic_id).filter(pk=mine.pk).exists(),
        "signing": [role for role in RIGHTS if lets_sign(role)],
        "rest": [row for row in rows if row.state != RoleChange.State.WAITING],
    }
    return show_list(
        request, [Listing("roles", COLUMNS, lambda: found)], "staff/roles.html", context
    )


@require_POST
@requires(Right.DECIDE_ROLES)
def role_decide(request: HttpRequest, role_id: UUID) -> HttpResponse:
    """Agree to a role, or refuse it; anything but a plain yes refuses nothing and does nothing."""
    change = fetch_in_scope(request, ROWS, pk=role_id)
    answer = request.POST.get("answer", "")
    if answer not in ("agree", "refuse"):
        return redirect("dashboard:roles")
    act = "Agree to" if answer == "agree" else "Refuse"
    require_recent_proof(request, f"{act} a role for {change.whom}: {change.role_words.lower()}")
    try:
        role_actions.decide(
            change=change, agreed=answer == "agree", by=member_of(request), now=timezone.now()
        )
    except role_actions.RoleError as error:
        messages.warning(request, str(error))
    else:
        word = "has the role" if answer == "agree" else "does not get the role"
        messages.success(request, f"{change.whom} {word}.")
    return redirect("dashboard:roles")
