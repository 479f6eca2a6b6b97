"""Log lines that cannot hold a patient's words.

An exception's message may quote a whole table row ("Failing row contains (...)") or a
form value, so the type and the lines of code are logged and the message is not. A request's
address may hold the token of a link, so the name of its page stands in for it.
"""

import json
import logging
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from config.tracing import current_id, route_of

LINE: Final = "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s"
SIGNAL: Final = re.compile(r"SIG[A-Z0-9]+")
logger = logging.getLogger(__name__)

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PrivateFormatter(logging.Formatter):
    """Format for a person: tracebacks without the exception's message and without source lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the request's id in front of the message's text."""
        record.request_id = current_id() or "-"
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Lay the line out, without the address that Django's own lines quote."""
        record.message = message_of(record)
        return super().formatMessage(record)

    def formatException(self, ei: ExcInfo) -> str:
        """Return file, line and function of each frame, then the exception's type."""
        return "\n".join([*(f"  {frame}" for frame in frames_of(ei)), kind_of(ei)])


class JsonFormatter(PrivateFormatter):
    """Format for a machine: one JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; the keys that mean nothing for a line are left out."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
            "request_id": current_id(),
            "process": record.process,
            "milliseconds": getattr(record, "milliseconds", None),
            "who": getattr(record, "who", None),
        }
        if record.exc_info and record.exc_info[0]:
            line |= {"exception": kind_of(record.exc_info), "frames": frames_of(record.exc_info)}
        return json.dumps({key: value for key, value in line.items() if value not in (None, "")})


def message_of(record: logging.LogRecord) -> str:
    """Return what a line says; of a request only which page answered what.

    Celery's line about a task that failed quotes the exception: its type stands below the line.
    """
    request = getattr(record, "request", None)
    if isinstance(request, HttpRequest):
        status = getattr(record, "status_code", "")
        return f"{request.method} {route_of(request)} {status}".rstrip()
    task = getattr(record, "data", None)
    if record.name == "celery.app.trace" and isinstance(task, dict) and "exc" in task:
        return f"Task {task.get('name')}[{task.get('id')}] {task.get('description', 'failed')}"
    if record.name.startswith("gunicorn") and record.levelno != logging.INFO:
        return of_the_server(record)
    return record.getMessage()


def of_the_server(record: logging.LogRecord) -> str:
    """Return gunicorn's own line without what a caller sent.

    It quotes the header or the address that it could not read; numbers and names of signals stay.
    """
    template = str(record.msg).partition(" from ip=")[0]
    if not isinstance(record.args, tuple) or template != record.msg:
        return template
    plain = [
        each if isinstance(each, int) or SIGNAL.fullmatch(str(each)) else "*"
        for each in record.args
    ]
    return template % tuple(plain)


def frames_of(ei: ExcInfo) -> list[str]:
    """Return where in the code it happened, the outermost call first."""
    return [f"{f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(ei[2])]


def kind_of(ei: ExcInfo) -> str:
    """Return the exception's type, never what it says; of a wrong setting, that is said."""
    if isinstance(ei[1], ImproperlyConfigured):
        return f"{type(ei[1]).__name__}: {ei[1]}"
    return ei[0].__name__ if ei[0] else "unknown"


def tell_uncaught() -> None:
    """Have this process log what nothing caught, instead of Python printing what it says.

    For what works on its own: web, worker, beat, dispatcher. Threads and what fails while objects
    are taken apart are included; a setting that is wrong is still said in words.
    """
    printed = sys.excepthook

    def uncaught(kind: type[BaseException], value: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt | ImproperlyConfigured):
            printed(kind, value, trace)
        else:
            logger.critical("nothing caught this", exc_info=(kind, value, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and args.exc_type is not SystemExit:
            uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook, threading.excepthook = uncaught, in_thread
    sys.unraisablehook = unraisable


def unraisable(args: "sys.UnraisableHookArgs") -> None:
    """Log what could not be raised, as from a destructor."""
    if args.exc_value is not None:
        found = (args.exc_type, args.exc_value, args.exc_traceback)
        logger.error("nothing could be told of this", exc_info=found)


def formatter(layout: str) -> PrivateFormatter:
    """Return how a process lays out its lines: "json" for a collector, else for a person."""
    return JsonFormatter() if layout == "json" else PrivateFormatter(LINE)


def logging_settings(*, layout: str, level: str, dsn: str, release: str) -> dict[str, Any]:
    """Return Django's LOGGING: all to the standard error, errors to a collector if one is named."""
    handlers: dict[str, dict[str, str]] = {
        "stderr": {"class": "logging.StreamHandler", "formatter": layout}
    }
    if dsn:
        reports = {"()": "config.error_reports.ErrorReports", "dsn": dsn, "release": release}
        handlers["reports"] = reports
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "config.logs.PrivateFormatter",
                "format": LINE,
            },
            "json": {"()": "config.logs.JsonFormatter"},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            "django.request": {"level": "ERROR"},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
        },
    }
