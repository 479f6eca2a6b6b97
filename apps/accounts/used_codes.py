"""A code of an authenticator works once, for as long as it could be typed."""

from typing import Any

from allauth.mfa import app_settings
from django.core.cache import cache


def mark_code_used(self: Any, code: str) -> bool:
    """Take a code; False when it was taken before. In place of `TOTP._mark_code_used`.

    allauth forgets a used code after one period of 30 s, while with a tolerance of a step to each
    side it accepts one for three: whoever read it off a screen could sign in with it once more.
    """
    good_for = (2 * app_settings.TOTP_TOLERANCE + 1) * app_settings.TOTP_PERIOD
    return cache.add(self._get_used_cache_key(code), "y", timeout=good_for)
