"""A phone that loses its network in the middle of a request keeps nobody else waiting for ever."""

import contextlib
import runpy
import socket

import pytest
from django.conf import settings

from apps.checkins.models import CheckIn
from tests.flows.test_check_in_to_mail import path_for, posted, tap

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow, pytest.mark.slow]

BEGUN = {
    "in its head": "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Ty",
    "in its answers": (
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\nversion=1&submission"
    ),
}


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
def test_phones_that_stall_in_every_thread_hold_up_no_red_flag_for_ever(
    begun, parts, people, marked_patient
) -> None:
    web = parts.deployed_web(WEB_WORKERS="1")
    path = path_for(marked_patient)
    threads = runpy.run_path(str(settings.BASE_DIR / "config" / "gunicorn.py"))["threads"]
    with contextlib.ExitStack() as lines:
        for _ in range(threads):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", web.port)))
            line.sendall(begun.format(path).encode())
        status, page = tap(f"http://localhost:{web.port}{path}", posted())
    assert status == 200
    assert "Call 911 now" in page
    assert CheckIn.objects.count() == 1
