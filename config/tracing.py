"""One id per request or task, on every log line that comes of it, in whatever process.

A proxy's ``X-Request-ID`` is taken over when it looks like an id and nothing else: what a stranger
types must not become a log line, a header or a row. The id travels to Celery in a message header
and to the dispatcher in the row of the delivery (docs/adr/0048-request-ids-and-error-reports.md).
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from logging import getLogger
from typing import Any, Final
from uuid import uuid4

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponse

from config.figures import count

HEADER: Final = "X-Request-ID"
# A UUID or a W3C trace id, as every proxy makes one. No sentence and no token of ours looks so.
PLAIN: Final = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}(\1[0-9a-f]{4}){2}\1[0-9a-f]{12}\Z")
# Where a route has a value: "<uuid:plan_id>", or a named group of a regular expression.
VALUE: Final = re.compile(r"\(\?P<[^)]*\)|<[^>]*>")
TASK_HEADER: Final = "glidepath_request_id"

logger = getLogger(__name__)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current_id() -> str:
    """Return the id of the request or task at work here, "" outside of any."""
    return _current.get()


def new_id() -> str:
    """Return an id that nothing has had."""
    return uuid4().hex


def accepted(text: str) -> str:
    """Return the id that a caller gave, a new one if it is none."""
    return text if PLAIN.match(text) else new_id()


@contextmanager
def traced(request_id: str) -> Iterator[None]:
    """Run the block under this id; an empty one changes nothing."""
    mark = _current.set(request_id or current_id())
    try:
        yield
    finally:
        _current.reset(mark)


def route_of(request: HttpRequest) -> str:
    """Return the address asked for without its values: a path may hold the token of a link.

    Not the view's name, which may hold a word of the patient's life that no log may hold.
    """
    match = getattr(request, "resolver_match", None)
    return "/" + VALUE.sub("*", match.route) if match else "unknown"


def who_asked(request: HttpRequest) -> str | None:
    """Return the id of the signed-in member of staff, None for anybody else.

    Read from what the request has loaded already: a line of the log asks no database.
    """
    user = getattr(request, "_cached_user", None)
    return str(user.pk) if user is not None and user.is_authenticated else None


class RequestIdMiddleware:
    """Give every request an id, answer with it, and write one line when it is done."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request under its id. The line names the page, never its address."""
        with traced(accepted(request.headers.get(HEADER, "").lower())):
            begun = time.monotonic()
            response = self.get_response(request)
            response.headers[HEADER] = current_id()
            if request.resolver_match or response.status_code >= 400:  # a static file is no news
                seconds, page = time.monotonic() - begun, route_of(request)
                count(page, str(request.method), response.status_code, seconds)
                took = round(1000 * seconds)
                logger.info(
                    "%s %s %d in %d ms", request.method, page, response.status_code,
                    took, extra={"milliseconds": took, "who": who_asked(request)},
                )  # fmt: skip
            return response


@before_task_publish.connect
def give_id(headers: dict[str, Any], **_: Any) -> None:
    """Send the id along with a task."""
    headers[TASK_HEADER] = current_id()


@task_prerun.connect
def take_id(task: Any, **_: Any) -> None:
    """Work under the id of who asked for the task; beat's tasks get one of their own."""
    _current.set(accepted(str(task.request.get(TASK_HEADER) or "")))


@task_postrun.connect
def drop_id(**_: Any) -> None:
    """Forget it: a worker's thread takes the next task of somebody else."""
    _current.set("")
