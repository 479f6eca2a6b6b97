"""Log lines that cannot hold a patient's words.

An exception's message may quote a whole table row ("Failing row contains (...)") or a
form value, so the type and the lines of code are logged and the message is not. A request's
address may hold the token of a link, so the name of its page stands in for it.
"""

import json
import logging
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from django.http import HttpRequest

from config.tracing import current_id, route_of

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
    return record.getMessage()


def frames_of(ei: ExcInfo) -> list[str]:
    """Return where in the code it happened, the outermost call first."""
    return [f"{f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(ei[2])]


def kind_of(ei: ExcInfo) -> str:
    """Return the exception's type, never what it says."""
    return ei[0].__name__ if ei[0] else "unknown"


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
                "format": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s",
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
