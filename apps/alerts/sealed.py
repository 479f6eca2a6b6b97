"""Secrets of a clinic at rest: sealed with a key made from SECRET_KEY.

A backup or a dump of the database holds nothing that opens them. After SECRET_KEY was
changed, old seals open while the old key stands in SECRET_KEY_FALLBACKS.
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


class SealError(ValueError):
    """This was sealed with a key that is gone; the text is for the reader."""


def box() -> MultiFernet:
    """Return what seals with the present key and opens with any key still known."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(key_from(secret)) for secret in keys])


def key_from(secret: str | bytes) -> bytes:
    """Return the key of the seals, which no other use of the secret shares."""
    digest = salted_hmac("apps.alerts.sealed", "", secret=secret, algorithm="sha256").digest()
    return urlsafe_b64encode(digest)


def seal(text: str) -> str:
    """Return the text so that only this installation can read it. Nothing stays nothing."""
    return box().encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """Return what was sealed. Raises `SealError` when the key is gone."""
    if not sealed:
        return ""
    try:
        return box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise SealError("it was sealed with a key that is gone; type it in again") from error
