"""Links and codes that nobody can guess and no table holds.

Each is worked out from a row's random id and the installation's secret, so that every
attempt at a mail carries the same one. Tables keep only the hash of a link; of a code
they keep nothing, because eight digits could be guessed from a hash.
"""

from typing import Final
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

from apps.accounts.tokens import token_of

CODE_DIGITS: Final = 8


def link_token(kind: str, row_id: UUID) -> str:
    """Return the token of a row's link."""
    return token_of(f"apps.portal.{kind}", row_id)


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
