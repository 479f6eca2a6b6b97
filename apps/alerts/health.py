"""Is anybody watching? What the banner and the health pages say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from apps.alerts.models import Alert, Heartbeat, MailServer, SystemAlert
from apps.alerts.sweep import STRANDED_AFTER

# Design section 6: a stale sweep or worker turns the banner red within 60 s. The
# processes beat every 3 to 10 s.
STALE_AFTER: Final = timedelta(seconds=45)
WATCHED: Final[dict[str, str]] = {
    "dispatcher": "The dispatcher that sends alert mails",
    "sweep": "The sweep that watches over open alerts",
    "worker": "The background worker, or beat that drives it,",
}


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong now, as sentences; empty when all is well."""

    problems: tuple[str, ...]

    @property
    def is_well(self) -> bool:
        """Answer whether nothing is wrong."""
        return not self.problems


def check_health(now: datetime) -> Health:
    """Return what is wrong with the machinery, for the health page. No patient data."""
    beats = dict(Heartbeat.objects.values_list("name", "beat_at"))
    problems = [
        f"{what} is not running."
        for name, what in WATCHED.items()
        # A sign of life from the future is none: the clock was set back since.
        if name not in beats or abs(now - beats[name]) > STALE_AFTER
    ]
    if Alert.objects.stranded(now, STRANDED_AFTER).exists():
        problems.append("An alert has passed its time and nothing has moved it.")
    return Health((*problems, *noted_problems()))


def noted_problems() -> list[str]:
    """Return what other processes wrote down, in one query: it is asked for on every page."""
    kinds = {kind.value: kind.label for kind in SystemAlert.Kind}
    drills = SystemAlert.objects.filter(closed_at__isnull=True, kind=SystemAlert.Kind.DRILL)
    servers = MailServer.objects.filter(retry_at__isnull=False)
    noted = servers.values_list("name", flat=True).union(drills.values_list("kind", flat=True))
    return [
        f"{kinds[name]}."
        if name in kinds
        else f"The mail server {name} does not take mail; it is being tried."
        for name in noted
    ]


def unreached_alerts(clinic_id: UUID, now: datetime) -> list[Alert]:
    """Return the clinic's open alerts that have reached nobody: the loudest banner there is."""
    return list(Alert.objects.filter(clinic_id=clinic_id).nobody_reached(now)[:5])
