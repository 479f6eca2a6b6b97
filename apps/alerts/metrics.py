"""Figures for Prometheus: of the machinery only, never of a patient."""

from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min

from apps.alerts.ladder import Level
from apps.alerts.models import Alert, Delivery, Drill, Heartbeat, MailServer, SystemAlert
from apps.alerts.states import AlertStatus, DeliveryStatus
from apps.alerts.sweep import STRANDED_AFTER
from apps.alerts.system_alerts import DRILL_SLOW_AFTER
from config.figures import Family, gauges

CONNECTIONS: Final = """
SELECT numbackends, current_setting('max_connections')::int FROM pg_stat_database
WHERE datname = current_database()
"""
QUANTILES: Final = (0.5, 0.95, 1.0)
LATENCY: Final = f"""
SELECT level, percentile_cont(ARRAY{list(QUANTILES)}) WITHIN GROUP (ORDER BY seconds), count(*)
FROM (
    SELECT a.level, extract(epoch FROM min(d.sent_at) - a.opened_at)::float8 AS seconds
    FROM alerts_alert a JOIN alerts_delivery d ON d.alert_id = a.id
    WHERE a.opened_at > %s AND d.sent_at IS NOT NULL GROUP BY a.id
) AS told GROUP BY level
"""  # noqa: S608 - made of constants


def metrics(now: datetime) -> str:
    """Return every figure in Prometheus' text format. Reads a dozen small indexes."""
    unresolved = Alert.objects.unresolved().order_by()
    by_state = {
        (row["level"], row["status"]): row["n"]
        for row in unresolved.values("level", "status").annotate(n=Count("pk"))
    }
    waiting = Delivery.objects.filter(status=DeliveryStatus.PENDING)
    oldest = waiting.aggregate(at=Min("created_at"))["at"]
    drills = list(Drill.objects.latest_of_each())
    times = [each.seconds for each in drills if each.seconds is not None]
    # One that has just begun has reached nobody yet: that is no failure.
    begun = [each for each in drills if each.seconds is None]
    lost = any(now - each.started_at > DRILL_SLOW_AFTER for each in begun)
    beats = Heartbeat.objects.order_by("name")
    families: list[Family] = [
        ("alerts", "Alerts that still need a person.", [
            ({"level": level, "status": status}, by_state.get((level, status), 0))
            for level in Level for status in (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED)
        ]),
        ("alerts_stranded", "Alerts whose time is over and that nothing has moved.",
         [({}, Alert.objects.stranded(now, STRANDED_AFTER).count())]),
        ("deliveries_pending", "Messages waiting to be sent.", [({}, waiting.count())]),
        ("deliveries_pending_oldest_seconds", "Age of the oldest of them.",
         [({}, (now - oldest).total_seconds() if oldest else 0)]),
        ("heartbeat_age_seconds", "Since the last sign of life.",
         [({"name": b.name}, (now - b.beat_at).total_seconds()) for b in beats]),
        ("mail_server_failures", "Failures in a row; the breaker opens at 2.",
         [({"server": s.name}, s.failures) for s in MailServer.objects.order_by("name")]),
        ("drill_seconds", "The slowest of each clinic's last drill; -1 if one reached nobody.",
         [({}, -1 if lost else max(times))] if lost or times else []),
        ("drill_age_seconds", "Since the oldest of them began.",
         [({}, max((now - each.started_at).total_seconds() for each in drills))] if drills else []),
        *latency_families(now),
        *machine_families(now),
    ]  # fmt: skip
    return gauges(families)


def latency_families(now: datetime) -> list[Family]:
    """Return how long the last day's alerts took until the first mail server had a message."""
    with connection.cursor() as cursor:
        cursor.execute(LATENCY, [now - timedelta(days=1)])
        found = {level: (times, number) for level, times, number in cursor.fetchall()}
    none: tuple[list[float], int] = ([], 0)
    times = [
        ({"level": level, "quantile": f"{quantile:g}"}, seconds)
        for level in Level
        for quantile, seconds in zip(QUANTILES, found.get(level, none)[0], strict=False)
    ]
    numbers = [({"level": level}, found.get(level, none)[1]) for level in Level]
    return [
        (
            "alert_latency_seconds",
            "From an alert of the last day to its first message.",
            times,
        ),
        ("alerts_told", "Alerts of the last day of which a message was sent.", numbers),
    ]


def machine_families(now: datetime) -> list[Family]:
    """Return what is not of single messages: troubles told, connections, the build."""
    kinds = SystemAlert.objects.filter(closed_at=None).order_by().values("kind")
    troubles = {row["kind"]: row["n"] for row in kinds.annotate(n=Count("pk"))}
    with connection.cursor() as cursor:
        cursor.execute(CONNECTIONS)
        used, limit = cursor.fetchone()
    return [
        ("alerts_unreached", "Open alerts that have reached nobody in time.",
         [({}, Alert.objects.nobody_reached(now).count())]),
        ("system_alerts", "Troubles of the machinery that its leads were told of.",
         [({"kind": kind}, troubles.get(kind, 0)) for kind in SystemAlert.Kind.values]),
        ("database_connections", "Sessions of this database.", [({}, used)]),
        ("database_connections_limit", "Sessions that the server allows.", [({}, limit)]),
        ("build_info", "Which release answers.", [({"release": settings.RELEASE}, 1)]),
    ]  # fmt: skip
