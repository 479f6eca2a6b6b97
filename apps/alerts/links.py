"""The link in an alert mail with which its recipient takes the alert, without signing in.

The token is derived from the delivery's id, so every repeat of a mail holds the same
link; the table holds only its hash, so whoever reads the table cannot use it.
"""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.utils.crypto import salted_hmac

LIFETIME: Final = timedelta(hours=24)  # [proposal]
SALT: Final = "apps.alerts.links"


def token_for(delivery_id: UUID) -> str:
    """Return the token of a delivery's link: 256 bits that nobody can guess, safe in a URL."""
    digest = salted_hmac(SALT, str(delivery_id), algorithm="sha256").digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_token(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_link(delivery_id: UUID, now: datetime) -> dict[str, object]:
    """Return the columns of a delivery made `now` that make its link work."""
    return {
        "link_hash": hash_token(token_for(delivery_id)),
        "link_expires_at": now + LIFETIME,
    }
