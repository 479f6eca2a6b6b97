"""The link in an alert mail with which its recipient takes the alert, without signing in.

The token is derived from the delivery's id, so every repeat of a mail holds the same
link; the table holds only its hash, so whoever reads the table cannot use it.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from apps.accounts.tokens import hash_token, token_of

LIFETIME: Final = timedelta(hours=24)  # [proposal]
SALT: Final = "apps.alerts.links"


def token_for(delivery_id: UUID) -> str:
    """Return the token of a delivery's link."""
    return token_of(SALT, delivery_id)


def new_link(delivery_id: UUID, now: datetime) -> dict[str, object]:
    """Return the columns of a delivery made `now` that make its link work."""
    return {
        "link_hash": hash_token(token_for(delivery_id)),
        "link_expires_at": now + LIFETIME,
    }
