"""How often somebody may type a wrong code of their second factor: apart in a browser they used."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core import context, ratelimit
from allauth.mfa.base import forms as codes
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as passkeys

from apps.accounts.known_browser import known_as


def check_rate_limit(user: Any, error_key: str | None = None) -> Callable[[], None]:
    """Count one try at a code; return what forgets the count. Raises `ValidationError`.

    In place of `allauth.mfa.base.internal.flows.check_rate_limit`, whose one count per person lets
    whoever knows the password keep them from every code. A browser that the person used before has
    a count of its own (apps/accounts/known_browser.py), of the same five in five minutes.
    """
    known = known_as(context.request, user.email)
    key = f"mfa-auth-user-{user.pk}" + (f":{known}" if known else "")
    if not ratelimit.consume(context.request, action="login_failed", key=key):
        raise get_adapter().validation_error(error_key or "too_many_login_attempts")
    return lambda: ratelimit.clear(context.request, action="login_failed", key=key)


def count_per_browser() -> None:
    """Have every form of the library that takes a code count so."""
    forms: tuple[ModuleType, ...] = (codes, totp, passkeys)
    for module in forms:
        vars(module)["check_rate_limit"] = check_rate_limit
