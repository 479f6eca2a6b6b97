"""What a page tells after an act, until the next page shows it: sealed, in the session.

Django keeps it in a cookie, signed and readable, and such a sentence names the patient. A dump of
the sessions shows nothing of it either.
"""

from typing import Any

from cryptography.fernet import InvalidToken
from django.contrib.messages.storage.session import SessionStorage

from apps.accounts.sealed import box_for


class SealedMessages(SessionStorage):
    """Django's storage in the session; what it writes is sealed."""

    def serialize_messages(self, messages: Any) -> str:
        """Return the messages, sealed."""
        text = str(super().serialize_messages(messages))
        return box_for("apps.accounts.messages").encrypt(text.encode()).decode()

    def deserialize_messages(self, data: Any) -> Any:
        """Return the messages; none where the seal does not open any more."""
        if not data:
            return []
        try:
            text = box_for("apps.accounts.messages").decrypt(str(data).encode()).decode()
        except InvalidToken:
            return []
        return super().deserialize_messages(text)
