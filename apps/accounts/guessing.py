"""Links that nobody was sent: counted per address of the network, refused after twenty.

A link that was sent works whatever was guessed before from the same address: only misses count.
"""

from typing import Final

from allauth.core.internal import ratelimit
from django.http import HttpRequest

LIMIT: Final = {"guessed_link": "20/5m/ip"}


def guessed_too_often(request: HttpRequest) -> bool:
    """Count one link that does not exist; answer whether this address should wait now."""
    allowed = ratelimit.consume(
        request, app="apps.accounts", action="guessed_link", config=LIMIT, limit_get=True
    )
    return allowed is None
