"""Is anybody watching? What the banner and the health pages say."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, DateTimeField, Q, Value
from django.db.models.functions import Cast, Concat

from apps.alerts.models import REACH_WITHIN, Alert, Gateway, Heartbeat, MailServer, SystemAlert
from apps.alerts.sweep import STRANDED_AFTER
from apps.alerts.system_alerts import SINCE
from apps.alerts.ways import GATEWAY
from apps.audit.chain import SEALED_WITHIN
from apps.audit.models import UnsealedEvent
from apps.database.scope import every_clinic
from apps.database.statements import Read, ReadRows

# Design section 6: a stale sweep or worker turns the banner red within 60 s. The
# processes beat every 3 to 10 s.
STALE_AFTER: Final = timedelta(seconds=45)
WATCHED: Final[dict[str, str]] = {
    "dispatcher": "The dispatcher that sends alert mails",
    "sweep": "The sweep that watches over open alerts",
    "worker": "The background worker for alerts, or beat that drives it,",
    "chores": "The background worker for reminders, mails and the audit record",
}
UNREACHED_SHOWN: Final = 5
# Each night the audit record is verified (apps/alerts/record_check.py): these tell the outcome.
RECORD_CHECKED, RECORD_BROKEN = "record_checked", "record_broken"
RECORD_UNSORTED = "record_unsorted"  # rows came for which no month was made
UNSEALED: Final = "Audit rows such as {} are not sealed: run verify_audit and read what it names."
RECORD_LATE_AFTER: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong now, as sentences; empty when all is well.

    `dead` names the processes that no longer show a sign of life: what a restart can mend.
    """

    problems: tuple[str, ...]
    dead: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Answer whether nothing is wrong."""
        return not self.problems


def check_health(now: datetime, clinic_id: UUID | None = None) -> Health:
    """Return what is wrong with the machinery. No patient data.

    For the health page; with a clinic for its staff pages, and then with what is wrong
    with that clinic's own gateways and drill, too.
    """
    signs = read_signs(now, clinic_id)
    beats = {name: at for sign, name, at in signs if sign == "beat"}
    # A sign of life from the future is none: the clock was set back since.
    dead = [n for n in WATCHED if n not in beats or abs(now - beats[n]) > STALE_AFTER]
    problems = [f"{WATCHED[name]} is not running." for name in dead]
    if any(sign == "stranded" for sign, _, _ in signs):
        problems.append("An alert has passed its time and nothing has moved it.")
    kinds = {kind.value: kind.label for kind in SystemAlert.Kind}
    problems += [f"{kinds[name]}." for sign, name, _ in signs if sign == "drill"]
    problems += record_problems(beats, now)
    problems += [UNSEALED.format(name) for sign, name, _ in signs if sign == "unsealed"]
    problems += [trouble_with(name) for sign, name, _ in signs if sign == "server"]
    return Health(tuple(problems), tuple(dead))


def record_problems(beats: dict[str, datetime], now: datetime) -> list[str]:
    """Return what is wrong with the audit record, as the nightly check left it."""
    checked = beats.get(RECORD_CHECKED)
    if RECORD_BROKEN in beats:
        return ["The audit record does not verify: run verify_audit and read what it names."]
    if RECORD_UNSORTED in beats:
        return ["The audit record had no room made for its month: run make_partitions."]
    checked = checked or beats.get(SINCE)  # never yet: counted from the first sweep
    if checked and now - checked > RECORD_LATE_AFTER:
        return ["The audit record was not verified for two days."]
    return []


def read_signs(now: datetime, clinic_id: UUID | None) -> list[tuple[str, str, datetime]]:
    """Return (sign, name, moment) of all that processes wrote down, in one query.

    It is asked for on every page, and by every open board every other second.
    """
    late, unsealed = now - STRANDED_AFTER, now - SEALED_WITHIN
    with every_clinic():  # the banner warns everybody when the machinery fails anybody
        if clinic_id is None:
            return ALL_SIGNS.all(late=late, unsealed=unsealed)
        return SIGNS_OF_CLINIC.all(clinic=clinic_id, late=late, unsealed=unsealed)


def signs(late: datetime, unsealed: datetime, clinic: UUID | None = None) -> Any:
    """Return the query of `read_signs`."""
    no_time = Value(None, output_field=DateTimeField())
    drills = SystemAlert.objects.filter(closed_at__isnull=True, kind=SystemAlert.Kind.DRILL)
    if clinic:
        drills = drills.filter(clinic_id=clinic)
    active = Gateway.objects.filter(is_active=True)
    own = active.filter(clinic_id=clinic) if clinic else active.none()
    names = own.annotate(row=Concat(Value(GATEWAY), Cast("pk", CharField()))).values("row")
    servers = MailServer.objects.filter(
        ~Q(name__startswith=GATEWAY) | Q(name__in=names), retry_at__isnull=False
    )
    waiting = UnsealedEvent.objects.filter(since__lt=unsealed)
    stranded = Alert.objects.stranded(late + STRANDED_AFTER, STRANDED_AFTER).order_by()
    return Heartbeat.objects.values_list(Value("beat"), "name", "beat_at").union(
        servers.values_list(Value("server"), "name", no_time),
        drills.values_list(Value("drill"), "kind", no_time),
        stranded.values_list(Value("stranded"), Value(""), no_time)[:1],
        waiting.values_list(Value("unsealed"), Cast("pk", CharField()), no_time)[:1],
    )


SIGNS_OF_CLINIC: Final = ReadRows(signs, clinic=UUID, late=datetime, unsealed=datetime)
ALL_SIGNS: Final = ReadRows(signs, late=datetime, unsealed=datetime)


def trouble_with(server: str) -> str:
    """Return what is wrong with a server. Which gateway it is says the page of gateways."""
    if server.startswith(GATEWAY):
        return "A gateway for messages other than mail does not answer; it is being tried."
    return f"The mail server {server} does not take mail; it is being tried."


def unreached_alerts(clinic_id: UUID, now: datetime) -> list[Alert]:
    """Return the clinic's open alerts that have reached nobody: the loudest banner there is."""
    return UNREACHED.all(clinic=clinic_id, late=now - REACH_WITHIN)


UNREACHED: Final[Read[Alert]] = Read(
    lambda clinic, late: Alert.objects.filter(clinic_id=clinic).nobody_reached(late + REACH_WITHIN)[
        :UNREACHED_SHOWN
    ],
    clinic=UUID,
    late=datetime,
)
