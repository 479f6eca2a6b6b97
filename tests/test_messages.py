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


def answer(
    view: Callable[[HttpRequest], HttpResponse], cookie: str = ""
) -> tuple[HttpRequest, HttpResponse]:
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    if cookie:
        request.COOKIES["messages"] = cookie
    return request, MessagesMiddleware(view)(request)


def test_a_message_waits_for_the_page_that_shows_it_and_is_shown_once() -> None:
    said = answer(say)[1].cookies["messages"].value
    assert said
    assert "messages" not in answer(say_nothing, said)[1].cookies
    page = answer(show, said)[1]
    assert page.content == b"Saved."
    assert page.cookies["messages"].value == ""


def test_a_page_without_messages_makes_no_storage_for_them() -> None:
    assert answer(say_nothing)[0]._messages._wrapped is empty  # type: ignore[attr-defined]
