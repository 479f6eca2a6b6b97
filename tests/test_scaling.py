"""What docs/scaling.md sums of sessions is what the settings and the processes say."""

import math
import runpy
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from apps.alerts.rounds import ROUNDS
from tests.harness.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent


def test_the_sessions_that_scaling_sums_are_those_of_the_settings() -> None:
    """A process, thread or round more is a session more in the sum of docs/scaling.md."""
    web = runpy.run_path(str(ROOT / "config" / "gunicorn.py"))["threads"]
    own = ("sweep", "watch", "listening", "command")
    dispatcher = settings.ALERT_SENDERS + len(own) + len(ROUNDS)
    text = (ROOT / "docs" / "scaling.md").read_text()
    assert f"| web process | {web}, one per thread |" in text
    assert f"| dispatcher | {dispatcher}: " in text
    still = (24 * web, 2 * dispatcher, 8, 4)
    rolling = (2 * 24 * web, 2 * 2 * dispatcher, 8, 4)
    for parts in (still, rolling):
        assert f"{' + '.join(map(str, parts))} = {sum(parts)}" in text
    assert f"`max_connections` {math.ceil(sum(rolling) / 0.8)}" in text


@pytest.mark.flow
@pytest.mark.django_db(transaction=True)
def test_a_dispatcher_holds_no_more_sessions_than_scaling_says(parts) -> None:
    dispatcher = parts.dispatcher()
    most = settings.ALERT_SENDERS + 4 + len(ROUNDS)
    counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"

    def sessions() -> int:
        with connection.cursor() as cursor:
            cursor.execute(counted, [dispatcher.application_name])
            return int(cursor.fetchone()[0])

    wait_until(lambda: sessions() >= most - 1, 20, dispatcher.log_end)
    assert sessions() <= most
