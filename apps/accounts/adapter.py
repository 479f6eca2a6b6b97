"""How allauth behaves here."""

import logging
from smtplib import SMTPException
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from apps.accounts.known_browser import known_as
from apps.accounts.sealed import box_for

SEALED: Final = "sealed:"
logger = logging.getLogger(__name__)


class ClosedSignupAdapter(DefaultAccountAdapter):
    """Nobody signs up: a clinic admin invites."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse self-registration."""
        return False

    def populate_username(self, request: HttpRequest, user: Any) -> None:
        """Leave the user alone: there is no user name here."""

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Count wrong passwords of a browser that the person used before apart from all others."""
        key: str = super()._get_login_attempts_cache_key(request, **credentials)
        known = known_as(request, credentials.get("email", credentials.get("username", "")))
        return f"{key}:{known}" if known else key

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Answer a deactivated person as a wrong password: the page must not tell them apart."""
        user = super().authenticate(request, **credentials)
        return user if user is not None and user.is_active else None

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send the mail; one that cannot be sent is logged without its address, and not raised.

        An error would tell whoever asks for a new password that the address has an account:
        to one that has none no mail is sent.
        """
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.error("mail %s was not sent (%s)", template_prefix, type(error).__name__)


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
