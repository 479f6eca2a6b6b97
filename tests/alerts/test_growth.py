"""What is asked every few seconds costs the same however many alerts are closed."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, QuerySet

from apps.alerts.models import REACH_WITHIN, Alert, Delivery
from apps.alerts.sweep import STRANDED_AFTER
from apps.database.scope import as_owner, every_clinic, one_clinic
from tests.factories import NOW, make_alert, put_on_call

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
OLD_ALERTS = 20_000

# What an old row has of its own; every other column is copied from the model row, so that a
# new column needs no change here. Keys and triggers have been seen to elsewhere.
OLD_ALERT = {
    "id": "gen_random_uuid()",
    "reference": "'O-' || n",
    "source_id": "gen_random_uuid()",
    "status": "'resolved'",
    "opened_at": "a.opened_at - n * interval '1 minute'",
    "next_rung_at": "NULL",
    "resolved_at": "a.opened_at",
    "resolved_by_id": "%(user)s",
    "outcome": "'spoke'",
    "note": "'x'",
    "welfare_check_at": "a.opened_at",
}
# Open, and known to have reached somebody: what a board that nobody keeps up with is full of.
OPEN_ALERT = {key: OLD_ALERT[key] for key in ("id", "reference", "source_id", "opened_at")} | {
    "next_rung": "1",
    "reached_id": "%(member)s",
}
OLD_DELIVERY = {
    "id": "gen_random_uuid()",
    "alert_id": "o.id",
    "status": "'sent'",
    "attempts": "1",
    "next_attempt_at": "NULL",
    "sent_at": "a.created_at",
    "confirm_by": "NULL",  # settled long ago; else each sweep would go on with two hundred
    "link_hash": "NULL",
    "link_expires_at": "NULL",
}


def copy_rows(model: type[Model], own: dict[str, str], source: str) -> str:
    """Return an INSERT that copies the row `a` of the source, with values of its own."""
    columns = [field.column for field in model._meta.concrete_fields]
    values = [own.get(column, f"a.{column}") for column in columns]
    table = model._meta.db_table
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {source}"


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


def add_alerts(alert: Alert, member: Any, count: int, own: dict[str, str] = OLD_ALERT) -> None:
    """Store alerts as years of work leave them, quickly: closed ones, unless told otherwise."""
    values = {
        "user": member.user.pk, "member": member.pk, "alert": alert.pk, "count": count
    }  # fmt: skip
    alerts = "alerts_alert a, generate_series(1, %(count)s) n WHERE a.id = %(alert)s"
    one = "(SELECT * FROM alerts_delivery WHERE alert_id = %(alert)s LIMIT 1) a"
    deliveries = f"alerts_alert o, {one} WHERE o.reference LIKE 'O-%%'"
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(copy_rows(Alert, own, alerts), values)
        cursor.execute(copy_rows(Delivery, OLD_DELIVERY, deliveries), values)
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE alerts_alert, alerts_delivery")


def explain(rows: QuerySet[Any]) -> tuple[str, int]:
    """Return PostgreSQL's plan and how many blocks it read.

    Asked once before it counts: what other tests rolled back lies in the index until a first
    reading marks it dead, and how much of it there is depends on the order of the tests.
    """
    list(rows)
    text = rows.explain(format="json", analyze=True, buffers=True)
    plan = json.loads(text)[0]["Plan"]
    return text, plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


@pytest.mark.parametrize("name", QUERIES)
def test_the_cost_does_not_grow_with_closed_alerts(name: str, patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    add_alerts(alert, nurse, OLD_ALERTS)
    for scope in (every_clinic(), one_clinic(patient.clinic_id)):
        with scope:
            plan, blocks = explain(QUERIES[name]())
        assert not re.search(r'"Seq Scan"[^{}]*"Relation Name": "alerts_alert"', plan), plan
        assert blocks < 60, plan


def test_the_banner_costs_the_same_however_many_alerts_are_open(patient, nurse) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    add_alerts(alert, nurse, 2_000, OPEN_ALERT)
    late = Alert.objects.nobody_reached(NOW + REACH_WITHIN)
    assert late.get() == alert
    with one_clinic(patient.clinic_id):
        plan, blocks = explain(late)
    assert blocks < 200, plan  # to read the messages of all of them takes 8,000
