"""Attempts that were refused, in the audit record of the reader's own clinic."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import resolve
from django.utils import timezone

from apps.audit.actions import record
from apps.database.scope import one_clinic

REFUSED: Final = (403, 404)
KEPT_AT_MOST: Final = 500  # ids in one row, the last ones; a form offers fewer
# What this request named beside its path, and may not.
_named: ContextVar[list[str] | None] = ContextVar("ids refused", default=None)


def note_refused(*keys: object) -> None:
    """Note ids, sent in a body or a query, that are not this reader's to name.

    The middleware writes them down, whatever the answer is. What is no id, and so could be
    anything that somebody typed, is left out.
    """
    named = _named.get()
    if named is not None:
        named += [key for key in map(_id_of, keys) if key and key not in named]


def note_unknown(asked: Iterable[object], found: Iterable[object]) -> None:
    """Note those of the ids asked for that were not found in the reader's scope."""
    there = {str(key) for key in found}
    note_refused(*(key for key in asked if str(key) not in there))


def _id_of(key: object) -> str:
    try:
        return str(UUID(str(key)))
    except ValueError:
        return ""


class OneOf(forms.ModelChoiceField):  # type: ignore[type-arg]
    """A choice among rows; the form narrows `queryset` to those that its reader may choose.

    Whoever sends the id of another row is told that there is none, and that is on record. So no
    form takes an id by any other field: tests/security/test_smuggled.py.
    """

    def to_python(self, value: Any) -> Any:
        """Return the row. Raises `ValidationError` for any other."""
        try:
            return super().to_python(value)
        except forms.ValidationError:
            note_refused(value)
            raise


class ManyOf(forms.MultipleChoiceField):
    """Ids, ticked in a list; each that is not on it is on record."""

    def validate(self, value: Any) -> None:
        """Look at all of them: Django stops at the first, which would hide the others."""
        for each in value:
            self.valid_value(each)
        super().validate(value)

    def valid_value(self, value: Any) -> bool:
        """Answer whether the list holds it."""
        is_there = super().valid_value(value)
        if not is_there:
            note_refused(value)
        return is_there


class RefusedAttemptsMiddleware:
    """Write down each page and each id that a signed-in person asked for and was not given.

    What belongs to another clinic and what does not exist leave the same row. Strangers
    leave none: they could fill the record from outside.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, and record a refusal."""
        mark = _named.set([])
        try:
            response = self.get_response(request)
            named = _named.get() or []
        finally:
            _named.reset(mark)
        refused = response.status_code in REFUSED or hasattr(request, "refused_as")
        if (refused or named) and request.user.is_authenticated:
            self.write_down(request, response.status_code, named, of_path=refused)
        return response

    def write_down(
        self, request: HttpRequest, status: int, named: list[str], *, of_path: bool
    ) -> None:
        """Store who asked for what: the URL's name and ids, nothing that was typed.

        `sent` holds the ids that came beside the path; those of the path were refused only if
        the page was. `refused_as` says in our words why, where the status does not.
        """
        member = getattr(request, "member", None)
        # By the path: what waited for a proof is done while the address is that of the proof.
        match = resolve(request.path_info) if request.resolver_match else None
        # The last ones: whoever sends many to hide one behind them is told of with their number.
        sent: dict[str, Any] = {"sent": named[-KEPT_AT_MOST:]} if named else {}
        if len(named) > KEPT_AT_MOST:
            sent["more"] = len(named) - KEPT_AT_MOST
        if refused_as := getattr(request, "refused_as", ""):
            sent["why"] = refused_as
        in_path = match.kwargs.items() if match and of_path else ()
        # The page may have entered another clinic, whose help it shows to everybody.
        with one_clinic(member.clinic_id) if member else nullcontext():
            record(
                "access.refused",
                by=request.user,
                now=timezone.now(),
                clinic_id=member.clinic_id if member else None,
                url=match.view_name if match else "",
                method=request.method,
                status=status,
                ids=[str(value) for key, value in in_path if key.endswith("_id")],
                **sent,
            )
