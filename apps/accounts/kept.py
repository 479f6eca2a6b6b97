"""What somebody was about to do when a fresh proof was asked for: kept, sealed, for some minutes.

Several wait side by side, one per tab, each by an id that stands in its own address. A seal holds
what was typed, where it was to go, and for whom: a dump of the sessions shows nothing of it.
"""

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from cryptography.fernet import InvalidToken
from django.http import HttpRequest, QueryDict

from apps.accounts.sealed import box_for

SESSION_KEY: Final = "kept_requests"
FIELD: Final = "kept_request"  # what the form that goes on says of itself
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
        own = ("csrfmiddlewaretoken", FIELD)
        pairs = QueryDict(sent).lists()
        return [(name, str(value)) for name, all_ in pairs if name not in own for value in all_]


def keep(request: HttpRequest, act: str, *, is_file: bool) -> str:
    """Keep a request and return the id by which `find` gives it back."""
    kept = Kept(
        act=act, method="POST" if request.method == "POST" else "GET", path=request.path,
        query=request.GET.urlencode(), typed=request.POST.urlencode(),
        user_id=str(request.user.pk), clinic_id=clinic_of(request), is_file=is_file,
    )  # fmt: skip
    key, seal = str(uuid4()), box().encrypt(json.dumps(asdict(kept)).encode()).decode()
    living = [(each, text) for each, text in slots(request).items() if opened(text) is not None]
    request.session[SESSION_KEY] = dict([*living[1 - AT_MOST :], (key, seal)])
    return key


def find(request: HttpRequest, key: str) -> Kept | None:
    """Return what is kept by this id; None when it is too old, was used, or is another's."""
    kept = opened(slots(request).get(key, ""))
    if kept is None or kept.user_id != str(request.user.pk):
        return None
    return kept


def drop(request: HttpRequest, key: str) -> None:
    """Forget what is kept by this id. Safe to repeat."""
    request.session[SESSION_KEY] = {
        each: text for each, text in slots(request).items() if each != key
    }


def clinic_of(request: HttpRequest) -> str:
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
