"""What somebody was about to do when a fresh proof was asked for: kept, sealed, for some minutes.

Several wait side by side, one per tab, each by an id that stands in its own address. A seal holds
what was typed, where it was to go, and for whom: a dump of the sessions shows nothing of it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from cryptography.fernet import InvalidToken
from django.core.cache import cache
from django.http import HttpRequest, QueryDict

from apps.accounts.sealed import box_for

SESSION_KEY: Final = "kept_requests"
FIELD: Final = "kept_request"  # what the form that goes on says of itself
DRAWN_FOR: Final = "drawn_for"  # the clinic of the page (apps/patients/drawn_for.py)
OF_THE_FORM: Final = ("csrfmiddlewaretoken", FIELD, DRAWN_FOR)  # nobody typed these
# [proposal] as long as somebody looks for a telephone; well within the session's idle time
KEPT_FOR: Final = timedelta(minutes=15)
AT_MOST: Final = 8  # [proposal] tabs; the oldest goes first


@dataclass(frozen=True, slots=True)
class Kept:
    """One act that waits: in words, and as the browser sent it. `clinic_id` is "" without one."""

    act: str
    method: str
    path: str
    query: str
    typed: str
    user_id: str
    clinic_id: str
    is_file: bool

    @property
    def address(self) -> str:
        """Where it goes: the path with what was asked for in it."""
        return f"{self.path}?{self.query}" if self.query else self.path

    @property
    def page(self) -> str:
        """The page from which it came, as far as the path says; a list without its file."""
        asked = QueryDict(self.query, mutable=True)
        for name in ("format", "list"):
            asked.pop(name, None)
        return f"{self.path}?{asked.urlencode()}" if asked else self.path

    @property
    def is_post(self) -> bool:
        """Answer whether it was posted."""
        return self.method == "POST"

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Names and values, as they were typed, in order; no key of the form's own."""
        sent = self.typed if self.is_post else self.query
        pairs = ((name, all_) for name, all_ in QueryDict(sent).lists() if name not in OF_THE_FORM)
        return [(name, str(value)) for name, all_ in pairs for value in all_]


def all_of_it(name: str) -> bool:
    """Keep a field, whatever it is called."""
    return True


def keep(
    request: HttpRequest, act: str, *, is_file: bool, clinic_id: str = "",
    holds: Callable[[str], bool] = all_of_it,
) -> str:  # fmt: skip
    """Keep a request and return the id by which `find` gives it back.

    It goes on in the clinic of the request, or in the one that is named. `holds` says of a field's
    name whether it is kept as well.
    """
    kept = Kept(
        act=act, method="POST" if request.method == "POST" else "GET", path=request.path,
        query=fields_of(request.GET, all_of_it), typed=fields_of(request.POST, holds),
        user_id=str(request.user.pk), clinic_id=clinic_id or clinic_of(request),
        is_file=is_file,
    )  # fmt: skip
    key, seal = str(uuid4()), box().encrypt(json.dumps(asdict(kept)).encode()).decode()
    living = [(each, text) for each, text in slots(request).items() if opened(text) is not None]
    request.session[SESSION_KEY] = dict([*living[1 - AT_MOST :], (key, seal)])
    return key


def fields_of(sent: QueryDict, holds: Callable[[str], bool]) -> str:
    """Return what was sent as it goes into an address, without the key of what went on just now."""
    left = sent.copy()
    for name in [each for each in left if each == FIELD or not holds(each)]:
        del left[name]
    return left.urlencode()


def find(request: HttpRequest, key: str) -> Kept | None:
    """Return what is kept by this id; None when it is too old, was used, or is another's."""
    kept = opened(slots(request).get(key, ""))
    if kept is None or kept.user_id != str(request.user.pk):
        return None
    return kept


def take(request: HttpRequest, key: str) -> bool:
    """Take what is kept by this id; False when another request was faster.

    A session is read at a request's beginning and written at its end, so two clicks at once would
    both find it there. Only one of them can put this row into the cache's table.
    """
    if not cache.add(taken_key(key), "y", timeout=KEPT_FOR.total_seconds()):
        return False
    drop(request, key)
    return True


def give_back(key: str) -> None:
    """Let it be taken again: nothing was done, because the program failed."""
    cache.delete(taken_key(key))


def taken_key(key: str) -> str:
    """Return the name under which it is noted that this id was taken."""
    return f"kept-request-taken:{key}"


def drop(request: HttpRequest, key: str) -> None:
    """Forget what is kept by this id. Safe to repeat."""
    request.session[SESSION_KEY] = {
        each: text for each, text in slots(request).items() if each != key
    }


def clinic_of(request: HttpRequest | None) -> str:
    """Return the id of the clinic that the request is about, "" if of none."""
    member = getattr(request, "member", None)
    return str(member.clinic_id) if member else ""


def slots(request: HttpRequest) -> dict[str, str]:
    """Return the seals of this session by their ids, the oldest first."""
    found: dict[str, str] = request.session.get(SESSION_KEY, {})
    return found


def opened(seal: str) -> Kept | None:
    """Return what a seal holds, unless it is broken or too old."""
    try:
        values: dict[str, Any] = json.loads(
            box().decrypt(seal.encode(), ttl=int(KEPT_FOR.total_seconds()))
        )
    except InvalidToken:
        return None
    return Kept(**values)


def box() -> Any:
    """Return what seals and opens."""
    return box_for("apps.accounts.kept")
