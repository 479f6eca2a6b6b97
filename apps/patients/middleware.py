"""Which clinic the signed-in person works in on this request."""

import zoneinfo
from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.database.scope import enter_clinic, every_clinic
from apps.database.statements import Read
from apps.patients.models import StaffMember

SESSION_KEY = "clinic_id"
# Asked on every request.
MEMBERSHIPS: Final[Read[StaffMember]] = Read(
    lambda user: (
        StaffMember.objects.active()
        .filter(user_id=user)
        .select_related("clinic", "user")
        .order_by("clinic__name")
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
        member = self.find_member(request) if request.user.is_authenticated else None
        request.member = member  # type: ignore[attr-defined]
        if member is None:
            return self.get_response(request)
        enter_clinic(member.clinic_id)
        with timezone.override(zoneinfo.ZoneInfo(member.clinic.time_zone)):
            return self.get_response(request)

    def find_member(self, request: HttpRequest) -> StaffMember | None:
        """Return the membership chosen in this session, else the person's first one."""
        with every_clinic():
            memberships = MEMBERSHIPS.all(user=request.user.pk)
        chosen = request.session.get(SESSION_KEY)
        for member in memberships:
            if str(member.clinic_id) == chosen:
                return member
        return memberships[0] if memberships else None
