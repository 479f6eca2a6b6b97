"""What an operator sees of a request, and what a collector of errors is told: never a patient."""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from logging.config import DictConfigurator
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.alerts import tasks as alert_tasks
from apps.checkins import views as checkin_views
from config.error_reports import ErrorReports
from config.logs import logging_settings
from config.tracing import accepted, current_id, drop_id, take_id, traced
from tests.conftest import signed_in

GIVEN = "0af7651916cd43dd8448eb211c80319c"
WORDS = ("Quillfeather", "clonazepam", "t0ken")


@pytest.fixture
def collector() -> Iterator[SimpleNamespace]:
    """A collector of errors on loopback, with what it was sent."""
    sent: list[tuple[str, str]] = []
    came = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            sent.append((self.path, f"{self.headers}\n{body}"))
            self.send_response(200)
            self.end_headers()
            came.set()

        def log_message(self, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    dsn = f"http://public@127.0.0.1:{server.server_port}/7"
    yield SimpleNamespace(dsn=dsn, sent=sent, came=came)
    server.shutdown()
    server.server_close()


@pytest.fixture
def watched(collector) -> Iterator[StringIO]:
    """The root logger as production has it: JSON lines, and errors to the collector."""
    config = logging_settings(layout="json", level="INFO", dsn=collector.dsn, release="1.2.3")
    made = DictConfigurator(config)
    text, root = StringIO(), logging.getLogger()
    lines = logging.StreamHandler(text)
    lines.setFormatter(made.configure_formatter(config["formatters"]["json"]))
    reports = made.configure_handler(config["handlers"]["reports"])
    level, handlers = root.level, [lines, reports]
    root.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    yield text
    for handler in handlers:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (GIVEN, True),
        ("0af76519-16cd-43dd-8448-eb211c80319c", True),
        ("", False),
        ("0af76519", False),
        (GIVEN + "00", False),
        (f"{GIVEN}\nERROR forged line", False),
        ("Zephyrine Quillfeather 1980-01-01", False),
        ("0af7651916cd43dd8448eb211c80319g", False),
        ("https://clinic.example/check-ins/t0ken/", False),
    ],
)
def test_a_caller_gives_an_id_or_gets_one(given: str, kept: bool) -> None:
    assert (accepted(given) == given) is kept
    assert accepted(accepted(given))


def test_an_error_is_logged_and_told_without_a_patient(watched, collector, monkeypatch) -> None:
    def breaks(*args: Any, **kwargs: Any) -> None:
        drug = "clonazepam"
        raise ValueError(f"Failing row contains (Quillfeather, {drug})")

    monkeypatch.setattr(checkin_views, "answer_page", breaks)
    client = Client(raise_request_exception=False)
    path = reverse("checkins:create", args=["t0ken" * 8 + "abc"])
    answer = client.post(path, {"note": "clonazepam"}, headers={"X-Request-ID": GIVEN.upper()})
    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] == GIVEN
    assert collector.came.wait(10)
    lines = [json.loads(line) for line in watched.getvalue().splitlines()]
    (error,) = [line for line in lines if line["level"] == "ERROR"]
    assert error["request_id"] == GIVEN
    assert error["exception"] == "ValueError"
    assert error["message"] == "POST /c/*/ 500"
    assert any("breaks" in frame for frame in error["frames"])
    ((where, report),) = collector.sent
    assert where == "/api/7/envelope/"
    assert GIVEN in report
    assert '"type": "ValueError"' in report
    assert "sentry_key=public" in report
    for text in (watched.getvalue(), report):
        assert [word for word in WORDS if word in text] == []


@pytest.mark.django_db
def test_the_log_names_who_asked_for_which_page_and_what_they_got(watched, nurse, lead) -> None:
    """What shows no patient is in no audit row, whether it was given or refused."""
    for member, page, status in (
        (nurse, "alerts:rota", 200), (nurse, "dashboard:roles", 403),
        (lead, "dashboard:roles", 200),
    ):  # fmt: skip
        watched.truncate(0)
        watched.seek(0)
        path = reverse(page)
        assert signed_in(member).get(path).status_code == status
        (line,) = [json.loads(text) for text in watched.getvalue().splitlines() if "GET" in text]
        assert line["who"] == str(member.user.pk)
        assert line["message"].startswith(f"GET {path} {status}")
        assert member.user.email not in watched.getvalue()
    watched.truncate(0)
    watched.seek(0)
    Client().get(reverse("account_login"))
    assert '"who"' not in watched.getvalue()


def test_a_task_that_fails_quotes_nothing_and_forgets_its_id(
    watched, collector, monkeypatch
) -> None:
    def breaks(*args: Any) -> None:
        logging.getLogger(__name__).info("at work")
        raise ValueError("Failing row contains (Quillfeather, clonazepam)")

    monkeypatch.setattr(alert_tasks.rota_actions, "extend_all", breaks)
    alert_tasks.extend_rotas.apply()
    assert collector.came.wait(10)
    lines = [json.loads(line) for line in watched.getvalue().splitlines()]
    assert {"at work", "Task apps.alerts.tasks.extend_rotas"} <= {
        line["message"].split("[")[0] for line in lines
    }
    assert len({line["request_id"] for line in lines}) == 1
    assert current_id() == ""
    for text in (watched.getvalue(), collector.sent[0][1]):
        assert [word for word in WORDS if word in text] == []


def test_a_task_works_under_the_id_of_who_asked_for_it() -> None:
    request = {"glidepath_request_id": GIVEN}
    take_id(task=SimpleNamespace(request=request))
    assert current_id() == GIVEN
    drop_id()
    take_id(task=SimpleNamespace(request={"glidepath_request_id": "Quillfeather"}))
    assert len(current_id()) == 32
    drop_id()


def test_a_collector_that_is_away_holds_nobody_up() -> None:
    handler = ErrorReports("http://public@127.0.0.1:9/7")
    record = logging.LogRecord("apps", logging.ERROR, __file__, 1, "Quillfeather", (), None)
    with traced(GIVEN):
        for _ in range(200):
            handler.emit(record)
    assert handler.waiting.qsize() <= 50
