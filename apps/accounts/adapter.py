"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class ClosedSignupAdapter(DefaultAccountAdapter):
    """Nobody signs up: a clinic admin invites."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse self-registration."""
        return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """Leave the user alone: there is no user name here."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Answer a deactivated person as a wrong password: the page must not tell them apart."""
        user = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None
