"""The drill by its command: a synthetic red flag through every real process, timed."""

import re

import pytest

from apps.alerts.models import Drill

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow, pytest.mark.slow]


def test_a_drill_is_timed_from_check_in_to_accepted_mail(parts, smtp, people) -> None:
    parts.dispatcher()
    done = parts.manage("run_drill")
    assert done.returncode == 0, done.stderr
    assert re.search(r"drill A-\w{6}: accepted in \d+\.\d\d s", done.stdout)
    mail = smtp.messages[0]  # the report to the lead may follow
    assert mail.recipients == (people["on_call"].user.email,)
    assert mail.message["Subject"].startswith("DRILL, nothing to do")
    drill = Drill.objects.get()
    assert drill.alert.status == "resolved"
    assert drill.seconds < 60


def test_a_drill_without_a_dispatcher_fails_loudly(parts, smtp, people, live_broker) -> None:
    live_broker.kill()
    done = parts.manage("run_drill", "--wait", "0.5")
    assert done.returncode == 1
    assert "is a dispatcher running?" in done.stderr
