"""Errors told to a collector that speaks Sentry's protocol, without a patient's words.

Nothing is scrubbed, because nothing is taken that would need it: a report is built from the
exception's type, the lines of our code, the logger, the release and the request's id. No message,
no variable, no address, no form, no person. It is sent by a thread of its own that never holds
anybody up: what cannot be sent, or comes too fast, is dropped and stays in the log.
"""

import json
import logging
import queue
import threading
import traceback
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from config.tracing import current_id

WAITING: Final = 50
SECONDS: Final = 5.0


class ErrorReports(logging.Handler):
    """A logging handler for ERROR and worse; `dsn` is ``https://KEY@host/PROJECT``."""

    def __init__(self, dsn: str, release: str = "") -> None:
        """Read the address; the thread begins with the first report, after any fork."""
        super().__init__(logging.ERROR)
        place = urlsplit(dsn)
        folder, _, project = place.path.rpartition("/")
        host = place.netloc.rpartition("@")[2]
        self.url = f"{place.scheme}://{host}{folder}/api/{project}/envelope/"
        self.auth = (
            f"Sentry sentry_version=7, sentry_client=glidepath/1, sentry_key={place.username}"
        )
        self.build = release  # logging.Handler has a method `release`
        self.waiting: queue.Queue[dict[str, Any]] = queue.Queue(WAITING)
        self.thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Put a report in the queue; never raises, never waits."""
        with suppress(Exception):
            self.waiting.put_nowait(report_of(record, self.build))
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self.work, name="error reports", daemon=True)
                self.thread.start()

    def work(self) -> None:
        """Send what waits, for ever."""
        while True:
            report = self.waiting.get()
            with suppress(OSError, ValueError, HTTPException):
                self.send(report)

    def send(self, report: dict[str, Any]) -> None:
        """Send one report as an envelope."""
        parts = ({"event_id": report["event_id"]}, {"type": "event"}, report)
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            self.url,
            data="\n".join(json.dumps(part) for part in parts).encode(),
            headers={
                "Content-Type": "application/x-sentry-envelope",
                "X-Sentry-Auth": self.auth,
            },
        )
        urllib.request.urlopen(request, timeout=SECONDS).close()  # noqa: S310


def report_of(record: logging.LogRecord, release: str) -> dict[str, Any]:
    """Return what leaves the machine about one error: all of it is named here."""
    report: dict[str, Any] = {
        "event_id": uuid4().hex,
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
        "platform": "python",
        "level": record.levelname.lower(),
        "logger": record.name,
        "release": release,
        "transaction": f"{record.name}:{record.funcName}",
        "tags": {"request_id": current_id()},
    }
    kind, trace = (record.exc_info[0], record.exc_info[2]) if record.exc_info else (None, None)
    if kind is None:  # a line without an exception: its place in the code says which
        return report | {"logentry": {"formatted": f"{record.module}:{record.lineno}"}}
    frames = [
        {"filename": frame.filename, "lineno": frame.lineno, "function": frame.name}
        for frame in traceback.extract_tb(trace)
    ]
    value = {"type": kind.__name__, "stacktrace": {"frames": frames}}
    return report | {"exception": {"values": [value]}}
