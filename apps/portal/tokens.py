"""Links and codes that nobody can guess and no table holds.

Each is worked out from a row's random id and the installation's secret, so that every
attempt at a mail carries the same one. Tables keep only the hash of a link; of a code
they keep nothing, because eight digits could be guessed from a hash.
"""

import hashlib
from base64 import urlsafe_b64encode
from typing import Final
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

CODE_DIGITS: Final = 8


def link_token(kind: str, row_id: UUID) -> str:
    """Return the token of a row's link: 256 bits, safe in a URL."""
    digest = salted_hmac(f"apps.portal.{kind}", str(row_id), algorithm="sha256").digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def hash_token(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def code_digits(code_id: UUID) -> str:
    """Return the digits of one sign-in code."""
    digest = salted_hmac("apps.portal.code", str(code_id), algorithm="sha256").digest()
    return f"{int.from_bytes(digest[:16]) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def is_code(code_id: UUID, typed: str) -> bool:
    """Answer in constant time whether these are the code's digits; spaces do not matter."""
    digits = "".join(typed.split()).replace("-", "")
    return constant_time_compare(digits, code_digits(code_id))


def hash_address(address: str) -> str:
    """Return what tells one mail address from another without naming it."""
    plain = address.strip().lower()
    return salted_hmac("apps.portal.address", plain, algorithm="sha256").hexdigest()
