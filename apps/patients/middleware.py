"""Which clinic the signed-in person works in on this request."""

import zoneinfo
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.accounts.models import User
from apps.database.scope import enter_clinic, every_clinic
from apps.database.statements import Read
from apps.patients.drawn_for import is_for_another, refuse
from apps.patients.models import StaffMember

SESSION_KEY = "clinic_id"
SAFE: Final = ("GET", "HEAD", "OPTIONS")
# Asked on every request.
MEMBERSHIPS: Final[Read[StaffMember]] = Read(
    lambda user: (
        StaffMember.objects.active()
        .filter(user_id=user)
        .select_related("clinic", "user")
        .order_by("clinic__name", "pk")
    ),
    user=UUID,
)


class CurrentClinicMiddleware:
    """Set `request.member` from the database; enter the clinic, its rows and its time zone.

    Read on every request, so that a deactivated person loses access at once.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Attach the membership and answer in the clinic's time zone."""
        found = memberships_of(request.user.pk) if request.user.is_authenticated else []
        member = self.chosen(request, found)
        request.memberships, request.member = found, member  # type: ignore[attr-defined]
        if member is None:
            return self.get_response(request)
        request.has_moved = self.has_moved(request, member)  # type: ignore[attr-defined]
        enter_clinic(member.clinic_id)
        with timezone.override(zoneinfo.ZoneInfo(member.clinic.time_zone)):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Take what a page of another clinic sends in no view: nothing is done, nothing is lost."""
        if request.method in SAFE or request.member is None:  # type: ignore[attr-defined]
            return None
        return refuse(request) if is_for_another(request, view) else None

    def chosen(self, request: HttpRequest, memberships: list[StaffMember]) -> StaffMember | None:
        """Return the membership chosen in this session, else the person's first one."""
        wanted = request.session.get(SESSION_KEY)
        chosen = (member for member in memberships if str(member.clinic_id) == wanted)
        return next(chosen, memberships[0]) if memberships else None

    def has_moved(self, request: HttpRequest, member: StaffMember) -> bool:
        """Answer whether who worked elsewhere may not any more, and is in this clinic from now."""
        before = request.session.get(SESSION_KEY)
        moved = before is not None and before != str(member.clinic_id)
        if moved:
            choose(request, member)
        return moved


def memberships_of(user_id: UUID) -> list[StaffMember]:
    """Return where somebody works now, by the clinic's name."""
    with every_clinic():
        return MEMBERSHIPS.all(user=user_id)


def choose(request: HttpRequest, member: StaffMember) -> None:
    """Work in this clinic from the next request on, for as long as the session lives."""
    if request.session.get(SESSION_KEY) != str(member.clinic_id):
        request.session[SESSION_KEY] = str(member.clinic_id)


def begin_in_a_clinic(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Settle at sign-in where the session works, so that a later membership does not move it."""
    if memberships := memberships_of(user.pk):
        request.session[SESSION_KEY] = str(memberships[0].clinic_id)
