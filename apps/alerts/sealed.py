"""Secrets of a clinic's gateways at rest, sealed (apps/accounts/sealed.py)."""

from cryptography.fernet import InvalidToken, MultiFernet

from apps.accounts.sealed import box_for


class SealError(ValueError):
    """This was sealed with a key that is gone; the text is for the reader."""


def box() -> MultiFernet:
    """Return what seals and opens the secrets of gateways."""
    return box_for("apps.alerts.sealed")


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
