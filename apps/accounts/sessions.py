"""Where sessions are kept: in the database, so that no request undoes what another one wrote.

Django reads a session at a request's beginning and writes all of it at its end. Of two requests at
once the later one brought back what the other had taken away, and lost what it had added: what
somebody typed before a proof, the clinic they had changed to, a proof that was used up.
"""

from copy import deepcopy
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction


class SessionStore(DatabaseStore):
    """Django's sessions in the database; a save writes what this request changed."""

    _session: dict[str, Any]
    _before: dict[str, Any]  # as it was when this request read or wrote it

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._before = {}

    def load(self) -> dict[str, Any]:
        """Return what is stored, and remember it."""
        data: dict[str, Any] = super().load()
        self._before = deepcopy(data)
        return data

    def save(self, must_create: bool = False) -> None:
        """Store the session. Raises `UpdateError` if it was ended meanwhile."""
        if must_create or self.session_key is None:
            super().save(must_create)
        else:
            with transaction.atomic():
                self.take_in_what_others_wrote()
                row = self.create_model_instance(self._session)
                row.save(force_update=True)
        self._before = deepcopy(self._session)

    def cycle_key(self) -> None:
        """Change the key. What was ended meanwhile does not live on under another one."""
        with transaction.atomic():
            # In this order: a key that nothing is stored under goes when the session is read.
            if self._session and self.session_key is not None:
                try:
                    self.take_in_what_others_wrote()
                except UpdateError as error:
                    raise SessionInterrupted("The session ended before its key changed.") from error
            super().cycle_key()

    def take_in_what_others_wrote(self) -> None:
        """Lock the row and make of it and of this request's changes what is to be stored."""
        rows = self.model.objects.select_for_update().filter(session_key=self.session_key)
        row = rows.first()
        if row is None:
            raise UpdateError
        self._session_cache = merged(self._before, self._session, self.decode(row.session_data))


def merged(before: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return `theirs` with what changed from `before` to `mine`; so do dictionaries within.

    Where both changed one value, mine counts: it is the later one.
    """
    result = dict(theirs)
    for name in [*before, *(name for name in mine if name not in before)]:
        if name not in mine:
            result.pop(name, None)
            continue
        old, new, other = before.get(name), mine[name], theirs.get(name)
        if name in before and old == new:
            continue
        if isinstance(new, dict) and isinstance(other, dict):
            new = merged(old if isinstance(old, dict) else {}, new, other)
        result[name] = new
    return result
