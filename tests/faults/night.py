"""A night in which nobody acts: is every rung climbed on its minute, whatever restarts?"""

import time
from datetime import datetime, timedelta

from django.utils import timezone

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from tests.factories import SEIZURE, check_in, make_patient
from tests.faults.rig import Rig
from tests.faults.trials import Cast, read_mails
from tests.harness.waiting import wait_until

RUNG = timedelta(minutes=5)  # of an emergency
BEFORE = timedelta(seconds=2)  # the clock is set to this long before each minute
ALLOWED = 5.0  # seconds off the minute
PARTS = ("worker", "beat", "dispatcher")


def nobody_acts(rig: Rig, casts: list[Cast], rungs: int) -> list[float]:
    """Return how many seconds off its minute each rung of one alert was mailed.

    The alert is of the last clinic; whatever is open before is closed, in every clinic.

    Between two rungs every process is killed and started again, and the clock is set on to
    shortly before the next minute, so that a night passes in a minute or two.
    """
    for cast in casts:
        nurse = cast.nurse
        for alert in Alert.objects.unresolved().filter(clinic=nurse.clinic):
            now = timezone.now()
            resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="x", now=now)
    patient = make_patient(casts[-1].nurse.clinic, now=timezone.now())
    check_in(patient, SEIZURE, now=timezone.now())
    alert = Alert.objects.get(patient=patient)
    late = []
    for number in range(1, rungs + 1):
        minute = alert.opened_at + RUNG * number
        restart(rig)
        set_on(rig, minute - BEFORE)
        due = time.monotonic() + (minute - timezone.now()).total_seconds()
        late.append(mail_of_rung(rig, alert, number) - due)
    rig.step_clock(0)
    return late


def mail_of_rung(rig: Rig, alert: Alert, number: int) -> float:
    """Return when the mail server had the first mail of a rung, by the machine's own clock."""
    found: list[float] = []

    def arrived() -> bool:
        told = alert.deliveries.filter(round=number).values_list("pk", flat=True)
        ids = {str(key) for key in told}
        found.extend(
            float(mail["at"]) for mail in read_mails(rig)
            if mail["id"].strip("<>").partition("@")[0] in ids
        )  # fmt: skip
        return bool(found)

    wait_until(arrived, 60, f"no mail of rung {number}", pause=0.2)
    return min(found)


def restart(rig: Rig) -> None:
    """Kill every process of the product at once, and start it again."""
    for name in PARTS:
        rig.kill(name)
    for name in PARTS:
        rig.restart(name)
    wait_until(rig.processes["dispatcher"].is_ready, 60, "the dispatcher does not come back")
    time.sleep(1)


def set_on(rig: Rig, moment: datetime) -> None:
    """Set the product's clock, which this process reads too, to a moment."""
    rig.move_clock((moment - timezone.now()).total_seconds())
