"""Where sessions are kept: in the database, so that no request undoes what another one wrote.

Django reads a session at a request's beginning and writes all of it at its end. Of two requests at
once the later one brought back what the other had taken away, and lost what it had added: what
somebody typed before a proof, the clinic they had changed to, a proof that was used up.
"""

from copy import deepcopy
from typing import Any, Final, NoReturn

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY as WHO
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction

from apps.accounts import kept

BEFORE: Final = "key_before"  # in a person's list of sessions: under which key this one was
# Dictionaries of which each entry stands for itself. Anything else is one value: of two requests
# that changed it the later counts, as of two lists, or of two steps of one sign-in.
IN_PARTS: Final = frozenset({kept.SESSION_KEY})


class SessionStore(DatabaseStore):
    """Django's sessions in the database; a save writes what this request changed.

    Save outside of a transaction: one that rolls back takes the row back, and this request's view
    of it not. Its asynchronous half, which nothing here uses, would merge nothing and is refused.
    """

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

    def clear(self) -> None:
        """Take away all that is stored, also if this request has not read it yet."""
        self._before = deepcopy(self._session)
        super().clear()

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

    async def asave(self, must_create: bool = False) -> NoReturn:
        """Refuse: this would write all of the session."""
        raise NotImplementedError("A session is merged by save(); nothing here is asynchronous.")

    def cycle_key(self) -> None:
        """Change the key, here and in the person's list; whoever ends the session finds it.

        Where another request of this session was faster, this one goes on under the key that it
        gave. Raises `SessionInterrupted` for a session that was ended: it does not live on.
        """
        with transaction.atomic():
            # In this order: a key that nothing is stored under goes when the session is read.
            if not self._session or (before := self.session_key) is None:
                super().cycle_key()
                return
            # As whoever ends a person's sessions does, first the list and then the session.
            lines = UserSession.objects.filter(session_key=before)
            list(lines.select_for_update())
            try:
                self.take_in_what_others_wrote()
            except UpdateError:
                self.follow(before)
                return
            super().cycle_key()
            lines.update(session_key=self.session_key, data={BEFORE: before})

    def follow(self, before: str) -> None:
        """Go on under the key that another request gave this session while this one was under way.

        Two clicks on one button come as two requests at once, and a browser takes the cookie of
        the later answer. Only who read the session under its former key gets here. One of nobody,
        at a sign-in, stands in no list: it begins anew.
        """
        if WHO not in self._session:
            super().cycle_key()
            return
        mine = UserSession.objects.select_for_update().filter(user_id=self._session.get(WHO))
        line = mine.filter(**{f"data__{BEFORE}": before}).first()
        try:
            if line is None:
                raise UpdateError
            self._session_key = line.session_key
            self.save()
        except UpdateError as error:
            raise SessionInterrupted("The session ended before its key changed.") from error
        self.modified = True

    def take_in_what_others_wrote(self) -> None:
        """Lock the row and make of it and of this request's changes what is to be stored."""
        rows = self.model.objects.select_for_update().filter(session_key=self.session_key)
        row = rows.first()
        if row is None:
            raise UpdateError
        self._session_cache = merged(self._before, self._session, self.decode(row.session_data))


def merged(before: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return `theirs` with what changed from `before` to `mine`, in the parts of what has parts."""
    parts = {
        name: changed(before.get(name, {}), mine[name], theirs.get(name, {}))
        for name in IN_PARTS & mine.keys()
    }
    return changed(before, mine | parts, theirs)


def changed(before: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Return `theirs` with each value that is another in `mine` than `before`, or gone there.

    Where both changed one value, mine counts: it is the later one.
    """
    result = dict(theirs)
    for name in before.keys() - mine.keys():
        result.pop(name, None)
    new = [name for name in mine if name not in before or before[name] != mine[name]]
    return result | {name: mine[name] for name in new}
