"""Links that nobody was sent and secrets that no program has: counted per address, then refused.

A link that was sent works whatever was guessed before from the same address: only misses count.
"""

from typing import Final

from allauth.core.internal import ratelimit
from django.http import HttpRequest

LIMIT: Final = {"guessed_link": "20/5m/ip", "guessed_secret": "20/5m/ip"}


def guessed_too_often(request: HttpRequest, what: str = "guessed_link") -> bool:
    """Count one link or secret that does not exist; answer whether this address should wait."""
    allowed = ratelimit.consume(
        request, app="apps.accounts", action=what, config=LIMIT, limit_get=True
    )
    return allowed is None
