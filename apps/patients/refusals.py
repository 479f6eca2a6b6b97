"""Attempts that were refused, in the audit record of the reader's own clinic."""

from collections.abc import Callable
from contextlib import nullcontext

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from apps.audit.actions import record
from apps.database.scope import one_clinic

REFUSED = (403, 404)


class RefusedAttemptsMiddleware:
    """Write down each page that a signed-in person asked for and was not given.

    What belongs to another clinic and what does not exist leave the same row. Strangers
    leave none: they could fill the record from outside.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and record a refusal."""
        response = self.get_response(request)
        if response.status_code in REFUSED and request.user.is_authenticated:
            self.write_down(request, response.status_code)
        return response

    def write_down(self, request: HttpRequest, status: int) -> None:
        """Store who asked for what: the URL's name and ids, nothing that was typed."""
        member = getattr(request, "member", None)
        match = request.resolver_match
        # The page may have entered another clinic, whose help it shows to everybody.
        with one_clinic(member.clinic_id) if member else nullcontext():
            record(
                "access.refused",
                by=request.user,
                now=timezone.now(),
                clinic_id=member.clinic_id if member else None,
                url=match.view_name if match else "",
                method=request.method,
                status=status,
                ids=[str(value) for key, value in match.kwargs.items() if key.endswith("_id")]
                if match
                else [],
            )
