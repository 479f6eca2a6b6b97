"""Messages to a reader: kept until a page shows them, and no work for a page without any."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.functional import empty

from config.middleware import MessagesMiddleware


def say(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Saved.")
    return HttpResponse()


def say_nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def show(request: HttpRequest) -> HttpResponse:
    return HttpResponse(" ".join(str(each) for each in messages.get_messages(request)))


class Session(dict):  # type: ignore[type-arg]
    """As much of a session as Django's storage asks for."""

    modified = False


def answer(
    view: Callable[[HttpRequest], HttpResponse], session: Session | None = None
) -> tuple[HttpRequest, HttpResponse]:
    request = RequestFactory().get("/")
    request.session = Session() if session is None else session  # type: ignore[assignment]
    return request, MessagesMiddleware(view)(request)


def test_a_message_waits_for_the_page_that_shows_it_and_is_shown_once() -> None:
    session = Session()
    answer(say, session)
    (kept,) = session.values()
    assert "Saved" not in kept
    answer(say_nothing, session)
    assert list(session.values()) == [kept]
    page = answer(show, session)[1]
    assert page.content == b"Saved."
    assert not page.cookies
    assert not session


def test_one_whose_seal_does_not_open_any_more_is_gone_and_breaks_no_page() -> None:
    session = Session()
    answer(say, session)
    (name,) = session
    for broken in ("", "x", session[name][:-8] + "AAAAAAA="):
        session[name] = broken
        assert answer(show, session)[1].content == b""


def test_a_page_without_messages_makes_no_storage_for_them() -> None:
    assert answer(say_nothing)[0]._messages._wrapped is empty  # type: ignore[attr-defined]
