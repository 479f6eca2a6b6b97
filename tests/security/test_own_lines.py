"""What is printed around our log lines: by the web server itself, and by what nothing caught."""

import json
import logging
import re
import socket
import subprocess
import sys

import pytest

from config.logs import formatter
from tests.harness.processes import PROJECT, environment_of
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]

MARK = "Quillfeather"
# How each process begins, then what nothing catches: in a thread, in a destructor, in itself.
STARTS = {
    "web": "import config.wsgi",
    "worker": "from celery.signals import worker_init as s; s.send(None)",
    "beat": "from celery.signals import beat_init as s; s.send(None)",
    "dispatcher": (
        "from apps.alerts import dispatcher; from django.core.management import call_command; "
        "dispatcher.run = lambda keep_going: None; call_command('run_dispatcher')"
    ),
}
FAILS = """
import threading
import django
django.setup()
{start}
class Odd:
    def __del__(self): raise ValueError("{mark} in the destructor")
def fail(): raise ValueError("{mark} in the thread")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
odd = Odd()
del odd
raise ValueError("{mark} at the end")
"""
UNREADABLE = (
    f"GET /c/{MARK} HTTP/1.1\r\nHost: localhost\r\nX {MARK}: 1\r\n\r\n",
    f"GET /c/{MARK} HTTP/{MARK}\r\n\r\n",
    f"{MARK}\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MARK}\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: {MARK}\r\n\r\n",
)


@pytest.mark.parametrize("start", STARTS)
def test_what_nothing_caught_is_logged_without_its_words(start: str, parts) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(start=STARTS[start], mark=MARK)],
        cwd=PROJECT, env=environment_of(**parts.common, LOG_FORMAT="json"), text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert MARK not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [line["exception"] for line in lines if "exception" in line] == ["ValueError"] * 3
    assert all("frames" in line for line in lines if "exception" in line)


def test_the_web_server_quotes_nobody(parts) -> None:
    web = parts.deployed_web(WEB_WORKERS="1", LOG_FORMAT="json")
    for asked in UNREADABLE:
        with socket.create_connection(("127.0.0.1", web.port), timeout=10) as line:
            line.sendall(asked.encode())
            answer = b"".join(iter(lambda: line.recv(4096), b""))
            assert re.match(rb"HTTP/1.1 [45]\d\d ", answer), "refused"
    told = "Invalid request"
    wait_until(lambda: web.log_text().count(told) >= len(UNREADABLE), 10, web.log_end)
    said = web.log_text()
    assert MARK not in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    begun = [line["message"] for line in lines if line["logger"] == "gunicorn.error"]
    assert any(message.startswith("Booting worker with pid") for message in begun)
    assert [line for line in said.splitlines() if not line.startswith("{")] == []


@pytest.mark.parametrize(
    ("template", "arguments", "said"),
    [
        ("Error handling request %s %s", ("GET", f"/c/{MARK}"), "Error handling request * *"),
        ("Worker (pid:%s) was sent %s!", (7, "SIGKILL"), "Worker (pid:7) was sent SIGKILL!"),
        (f"Invalid request from ip=1.2.3.4: {MARK}", (), "Invalid request"),
    ],
)
def test_a_line_of_gunicorn_keeps_numbers_and_signals(template, arguments, said) -> None:
    record = logging.getLogger("gunicorn.error").makeRecord(
        "gunicorn.error", logging.ERROR, "x.py", 1, template, arguments, None
    )
    assert json.loads(formatter("json").format(record))["message"] == said
    assert MARK not in formatter("line").format(record)
