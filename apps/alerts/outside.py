"""A sign of life to somebody outside: when it stops, they call, whatever has died here."""

import logging
from typing import Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from django.conf import settings

logger = logging.getLogger(__name__)

SECONDS: Final = 5.0


class NoRedirects(HTTPRedirectHandler):
    """Stay at the address that was configured."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Follow nothing."""


def ping() -> bool:
    """Call HEARTBEAT_URL; False when it is not set or does not answer well. Never raises."""
    url = settings.HEARTBEAT_URL
    if urlsplit(url).scheme not in ("http", "https"):
        return False
    try:
        request = Request(url, headers={"User-Agent": "glidepath"})  # noqa: S310 - checked above
        with build_opener(NoRedirects).open(request, timeout=SECONDS) as answer:
            return bool(200 <= answer.status < 300)
    except (URLError, OSError, ValueError) as error:
        logger.warning("the outside heartbeat was not heard (%s)", type(error).__name__)
        return False
