"""What is asked every few seconds costs the same however many alerts are closed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet

from apps.alerts.models import Alert, Delivery
from apps.alerts.sweep import STRANDED_AFTER
from tests.factories import NOW, make_alert, put_on_call

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
OLD_ALERTS = 20_000

# Closed alerts with one sent message each; foreign keys and triggers have been seen to elsewhere.
OLD = """
INSERT INTO alerts_alert (id, clinic_id, patient_id, reference, level, priority, source_type,
    source_id, rules, status, opened_at, response_minutes, next_rung, resolved_at,
    resolved_by_id, outcome, note)
SELECT gen_random_uuid(), a.clinic_id, a.patient_id, 'O-' || n, 'emergency', 0, 'check_in',
    gen_random_uuid(), '[]', 'resolved', a.opened_at - n * interval '1 minute', 5, 4,
    a.opened_at, %(user)s, 'spoke', 'x'
FROM alerts_alert a, generate_series(1, %(count)s) n WHERE a.id = %(alert)s;
INSERT INTO alerts_delivery (id, alert_id, recipient_id, channel, rung, round, priority, status,
    attempts, created_at, sent_at, last_error)
SELECT gen_random_uuid(), a.id, %(member)s, 'email', 'on_call', 0, 0, 'sent', 1, a.opened_at,
    a.opened_at, ''
FROM alerts_alert a WHERE a.reference LIKE 'O-%%';
"""

QUERIES: dict[str, Callable[[], QuerySet[Any]]] = {
    "stranded": lambda: Alert.objects.stranded(NOW, STRANDED_AFTER),
    "rung due": lambda: Alert.objects.rung_due(NOW),
    "rung far ahead": lambda: Alert.objects.rung_far_ahead(NOW),
    "ack overdue": lambda: Alert.objects.ack_overdue(NOW),
    "nobody reached": lambda: Alert.objects.nobody_reached(NOW),
    "unresolved": lambda: Alert.objects.unresolved(),
    "due": lambda: Delivery.objects.due(NOW)[:1],
    "lease expired": lambda: Delivery.objects.lease_expired(NOW),
}


def add_old_alerts(alert: Alert, member: Any, count: int) -> None:
    """Store closed alerts as years of work leave them, quickly."""
    values = {"user": member.user.pk, "member": member.pk, "alert": alert.pk, "count": count}
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(OLD, values)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE alerts_alert, alerts_delivery")


def explain(rows: QuerySet[Any]) -> tuple[str, int]:
    """Return PostgreSQL's plan and how many blocks it read."""
    text = rows.explain(format="json", analyze=True, buffers=True)
    plan = json.loads(text)[0]["Plan"]
    return text, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("name", QUERIES)
def test_the_cost_does_not_grow_with_closed_alerts(name: str, patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    add_old_alerts(alert, nurse, OLD_ALERTS)
    plan, blocks = explain(QUERIES[name]())
    assert '"Seq Scan"' not in plan or '"Relation Name": "alerts_alert"' not in plan, plan
    assert blocks < 60, plan
