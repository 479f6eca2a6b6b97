"""Secrets at rest: sealed with keys made from SECRET_KEY, one per purpose.

A backup or a dump of the database holds nothing that opens them. After SECRET_KEY was changed, old
seals open while the old key stands in SECRET_KEY_FALLBACKS.
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac


def box_for(purpose: str) -> MultiFernet:
    """Return what seals with the present key and opens with any key still known."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(key_from(purpose, secret)) for secret in keys])


def key_from(purpose: str, secret: str | bytes) -> bytes:
    """Return the key of one purpose, which no other use of the secret shares."""
    return urlsafe_b64encode(salted_hmac(purpose, "", secret=secret, algorithm="sha256").digest())
