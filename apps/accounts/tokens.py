"""Secrets of links: how they are made, and the little that a table may hold of one."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any
from uuid import UUID

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.crypto import salted_hmac


def new_token() -> str:
    """Return 256 random bits, safe in a URL; nobody can make this token again."""
    return secrets.token_urlsafe(32)


def token_of(salt: str, row_id: UUID) -> str:
    """Return the token of a row's link: 256 bits that nobody can guess, safe in a URL.

    Worked out from the row's id and the installation's secret, so that every repeat of a
    mail carries the same link. `salt` keeps one kind of link from opening another.
    """
    digest = salted_hmac(salt, str(row_id), algorithm="sha256").digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_token(token: str) -> str:
    """Return what is stored of a token: whoever reads the table cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()


class ResetTokens(PasswordResetTokenGenerator):
    """Links to a new password; they end with the person's sessions, all at once."""

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.session_epoch}"
