"""Words of ours that make a password easy to guess, and the rule that uses them."""

import re
from typing import Any, Final

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
