"""Passwords that are tried first: words of ours, and those that were stolen elsewhere."""

import hashlib
import os
import re
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.core.exceptions import ValidationError

# What somebody who attacks this very place tries first (docs/security/asvs.md, 6.1.2).
OWN_WORDS: Final = (
    "glidepath", "clinic", "hospital", "health", "patient", "doctor", "nurse", "pharmacist",
    "pharmacy", "prescriber", "admin", "lead", "taper", "benzo", "diazepam", "password", "welcome",
    "spring", "summer", "autumn", "winter",
)  # fmt: skip
LETTERS_BESIDE: Final = 6


class OwnWordsValidator:
    """Refuse a password that is little more than such words with a number."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raise `ValidationError` unless enough letters are left beside our own words."""
        rest = password.lower()
        for word in OWN_WORDS:
            rest = rest.replace(word, "")
        own = rest != password.lower()
        if own and len(re.sub(r"[\W\d_]", "", rest)) < LETTERS_BESIDE:
            raise ValidationError("This password is made of words that are tried first here.")

    def get_help_text(self) -> str:
        """Return the rule in a sentence."""
        return "Not just a word of this clinic with a number."


class BreachedPasswordsValidator:
    """Refuse a password that is in the file of `BREACHED_PASSWORDS`; without the file refuse none.

    The file holds SHA-1 hashes in order, one per line, as Have I Been Pwned gives them out. It is
    searched by halves, so its size does not matter, and nothing is asked over the network.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raise `ValidationError` for a password in the file."""
        # The file's own hash, not ours: nothing is protected by it.
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        path = settings.BREACHED_PASSWORDS
        if path and is_listed(Path(path), wanted.encode()):
            raise ValidationError(
                "This password was stolen somewhere before, and is tried first. Choose another."
            )

    def get_help_text(self) -> str:
        """Return the rule in a sentence."""
        return "Not one that was stolen somewhere before."


def is_listed(path: Path, wanted: bytes) -> bool:
    """Answer whether a line of a sorted file begins with these hexadecimal digits."""
    with path.open("rb") as file:
        low, high = 0, os.fstat(file.fileno()).st_size
        while low < high:
            middle = (low + high) // 2
            start, line = line_at(file, middle)
            if line[: len(wanted)].upper() < wanted:
                low = start + len(line)
            else:
                high = middle
        return line_at(file, low)[1][: len(wanted)].upper() == wanted


def line_at(file: IO[bytes], place: int) -> tuple[int, bytes]:
    """Return where the first line begins that begins at a place or after it, and the line."""
    if place == 0:
        file.seek(0)
        return 0, file.readline()
    file.seek(place - 1)
    file.readline()  # the rest of the line before
    return file.tell(), file.readline()
