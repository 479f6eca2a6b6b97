"""How allauth behaves here."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from apps.accounts.sealed import box_for

SEALED = "sealed:"


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


class SealedFactorsAdapter(DefaultMFAAdapter):
    """What makes the codes of second factors is sealed: the database alone cannot make one."""

    def encrypt(self, text: str) -> str:
        """Return the secret sealed."""
        return SEALED + box_for("apps.accounts.factors").encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the secret; one of before they were sealed is as it was stored."""
        if not encrypted_text.startswith(SEALED):
            return encrypted_text
        sealed = encrypted_text.removeprefix(SEALED).encode()
        return box_for("apps.accounts.factors").decrypt(sealed).decode()
