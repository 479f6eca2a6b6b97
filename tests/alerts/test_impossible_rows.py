"""Every impossible row that somebody has thought of, tried by raw SQL: PostgreSQL refuses it.

The tables below hold statements, not rules: `%(alert)s` and the like stand for rows that were
made as the application makes them. What may be done is in `test_states.py` and all others.
"""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import (
    DataError,
    IntegrityError,
    InternalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db import models as fields
from django.db.models import CheckConstraint

from apps.alerts.actions import acknowledge_alert
from apps.alerts.delivery import claim
from apps.alerts.models.delivery import ATTEMPT_RESULTS
from apps.alerts.smtp import Result
from apps.database.scope import as_retention
from tests.factories import NOW, make_alert, make_mute, put_on_call

pytestmark = pytest.mark.django_db
# A constraint refuses with the first, a trigger with one of the others.
REFUSED = (IntegrityError, InternalError, ProgrammingError, DataError)

SENT = "status='sent', lease_token=NULL, lease_until=NULL, next_attempt_at=NULL, sent_at=now()"
CLOSED = (
    "status='resolved', next_rung_at=NULL, ack_due_at=NULL, resolved_at=now(), "
    "resolved_by_id=%(nurse)s, outcome='spoke', note='x'"
)
TAKEN = (
    "status='acknowledged', next_rung_at=NULL, owner_id=%(nurse)s, acknowledged_at=clock_set_at, "
    "ack_due_at=clock_set_at"
)


def alert(changes: str) -> str:
    """Return the UPDATE of the open alert."""
    return f"UPDATE alerts_alert SET {changes} WHERE id=%(alert)s"


def delivery(changes: str) -> str:
    """Return the UPDATE of the pending message about it."""
    return f"UPDATE alerts_delivery SET {changes} WHERE id=%(delivery)s"


def leased(changes: str) -> str:
    """Return the UPDATE of a message that is on its way."""
    return f"UPDATE alerts_delivery SET {changes} WHERE id=%(leased)s"


def mute(changes: str) -> str:
    """Return the UPDATE of a mute in force."""
    return f"UPDATE alerts_mute SET {changes} WHERE id=%(mute)s"


def copy(table: str, key: str, **values: str) -> str:
    """Return an INSERT of a copy of a row with other values."""
    model = next(m for m in apps.get_app_config("alerts").get_models() if m._meta.db_table == table)
    names = [f.column for f in model._meta.concrete_fields if f.column != "id" or "id" in values]
    chosen = ", ".join(values.get(name, name) for name in names)
    return f"INSERT INTO {table} ({', '.join(names)}) SELECT {chosen} FROM {table} WHERE {key}"


NEW_ALERT = {
    "id": "gen_random_uuid()", "reference": "'A-XXXXXX'", "source_id": "gen_random_uuid()",
}  # fmt: skip
NEW_DELIVERY = {"id": "gen_random_uuid()", "round": "77", "link_hash": "NULL"}
NEW_MUTE = {"id": "gen_random_uuid()", "ended_at": "now()", "ended_by_id": "created_by_id"}


def new_alert(**values: str) -> str:
    """Return the INSERT of another alert."""
    return copy("alerts_alert", "id=%(alert)s", **NEW_ALERT, **values)


def new_delivery(**values: str) -> str:
    """Return the INSERT of another message."""
    return copy("alerts_delivery", "id=%(delivery)s", **NEW_DELIVERY, **values)


def new_mute(**values: str) -> str:
    """Return the INSERT of another mute."""
    return copy("alerts_mute", "id=%(mute)s", **NEW_MUTE, **values)


OF_ALERTS = {
    "open without a next step": alert("next_rung_at=NULL"),
    "open with an ack clock": alert("ack_due_at=clock_set_at"),
    "open and owned": alert("owner_id=%(nurse)s"),
    "open with an outcome": alert("outcome='spoke'"),
    "open with a closing note": alert("note='x'"),
    "open with a step in the year 3000": alert("next_rung_at='3000-01-01'"),
    "open with a step beyond the ladder": alert(
        "next_rung_at=greatest(clock_set_at, now()) + interval '6 min'"
    ),
    "taken without an owner": alert(TAKEN.replace("%(nurse)s", "NULL")),
    "taken and still climbing": alert(TAKEN + ", next_rung_at=clock_set_at"),
    "taken with a clock in the year 3000": alert(TAKEN + ", ack_due_at='3000-01-01'"),
    "taken by somebody of another clinic": alert(TAKEN.replace("%(nurse)s", "%(outsider)s")),
    "closed by nobody": alert(CLOSED.replace("%(nurse)s", "NULL")),
    "closed by somebody of another clinic": alert(CLOSED.replace("%(nurse)s", "%(outsider)s")),
    "closed without a note": alert(CLOSED + ", note=''"),
    "closed with an unknown outcome": alert(CLOSED + ", outcome='banana'"),
    "an emergency closed in silence": alert(CLOSED + ", outcome='no_answer'"),
    "of a level that no rule gives": alert("level='none'"),
    "of another level than it was": alert("level='watch', priority=2"),
    "of another priority than its level": alert("priority=2"),
    "of another patient": alert("patient_id=%(other_patient)s"),
    "of another clinic": alert("clinic_id=%(other_clinic)s"),
    "without its rules": alert("rules='[]'"),
    "of other rules": alert("rules='[\"W01_X\"]'"),
    "of another source": alert("source_id=gen_random_uuid()"),
    "opened at another time": alert("opened_at=now()"),
    "slower than its rule": alert("response_minutes=9999"),
    "under another reference": alert("reference='A-YYYYYY'"),
    "muted although an emergency": alert("muted_until=clock_set_at"),
    "gone": "DELETE FROM alerts_alert WHERE id=%(alert)s",
    "new and closed already": new_alert(
        status="'resolved'", next_rung_at="NULL", resolved_at="now()",
        resolved_by_id="%(nurse)s::uuid", outcome="'spoke'", note="'x'",
    ),
    "new and taken already": new_alert(
        status="'acknowledged'", next_rung_at="NULL", owner_id="%(nurse)s::uuid",
        acknowledged_at="now()", ack_due_at="now()",
    ),
    "new without rules": new_alert(rules="'[]'::jsonb"),
    "new and of another clinic's patient": new_alert(patient_id="%(other_patient)s::uuid"),
    "new and of the wrong priority": new_alert(priority="1"),
}  # fmt: skip
OF_TAKEN_ALERTS = {
    "first taken at another time": "UPDATE alerts_alert SET acknowledged_at=now() "
                                   "WHERE id=%(taken)s",
    "never taken": "UPDATE alerts_alert SET acknowledged_at=NULL, status='open', owner_id=NULL, "
                   "ack_due_at=NULL, next_rung_at=clock_set_at WHERE id=%(taken)s",
    "owned from another clinic": "UPDATE alerts_alert SET owner_id=%(outsider)s WHERE id=%(taken)s",
    "closed and written anew": "UPDATE alerts_alert SET note='y' WHERE id=%(closed)s",
    "closed and of another outcome": "UPDATE alerts_alert SET outcome='false_alarm' "
                                     "WHERE id=%(closed)s",
}  # fmt: skip
OF_DELIVERIES = {
    "pending without a next attempt": delivery("next_attempt_at=NULL"),
    "pending with a lease": delivery("lease_until=now()"),
    "sending without a lease": delivery("status='sending', attempts=1"),
    "sending without an attempt": delivery(
        "status='sending', lease_token=gen_random_uuid(), lease_until=now()"
    ),
    "sent without being claimed": delivery(SENT + ", attempts=1"),
    "sent without a time": leased(SENT + ", sent_at=NULL"),
    "sent and failed": leased(SENT + ", failed_at=now()"),
    "sent with a lease": leased(SENT + ", lease_until=now()"),
    "sent and still to be tried": leased(SENT + ", next_attempt_at=now()"),
    "sent after no attempt": leased(SENT + ", attempts=0"),
    "failed without a time": leased(SENT + ", status='failed', sent_at=NULL"),
    "cancelled and still to be tried": delivery("status='cancelled'"),
    "with fewer attempts than it had": leased("attempts=0"),
    "to somebody of another clinic": delivery("recipient_id=%(outsider_member)s"),
    "to another person": delivery("recipient_id=%(backup_member)s"),
    "about another alert": delivery("alert_id=%(taken)s"),
    "to another address": delivery("address='else@example.org'"),
    "of another priority than its alert": delivery("priority=2"),
    "of an unknown rung": delivery("rung='banana'"),
    "of an unknown channel": delivery("channel='pigeon'"),
    "of an unknown state": delivery("status='banana'"),
    "with an unknown receipt": delivery("receipt='banana', receipt_at=now()"),
    "mail through a gateway": leased("gateway_id=%(other_clinic)s"),
    "with a receipt of no time": delivery("receipt='delivered'"),
    "gone": "DELETE FROM alerts_delivery WHERE id=%(delivery)s",
    "new and sent already": new_delivery(
        status="'sent'", attempts="1", sent_at="now()", next_attempt_at="NULL"
    ),
    "new and to another clinic": new_delivery(recipient_id="%(outsider_member)s::uuid"),
    "new and of another priority": new_delivery(priority="2"),
    "new, a text and through no gateway": new_delivery(channel="'sms'", address="'+1555'"),
    "new and of an unknown rung": new_delivery(rung="'banana'"),
}
OF_RECORDS = {
    "a line changed": "UPDATE alerts_alertevent SET text='nothing' WHERE alert_id=%(alert)s",
    "a line gone": "DELETE FROM alerts_alertevent WHERE alert_id=%(alert)s",
    "all lines gone": "TRUNCATE alerts_alertevent",
    "an attempt gone": "DELETE FROM alerts_deliveryattempt WHERE delivery_id=%(leased)s",
    "all attempts gone": "TRUNCATE alerts_deliveryattempt",
    "all alerts gone": "TRUNCATE alerts_alert CASCADE",
    "an attempt of another message":
        "UPDATE alerts_deliveryattempt SET delivery_id=%(delivery)s WHERE delivery_id=%(leased)s",
    "an attempt at another time":
        "UPDATE alerts_deliveryattempt SET started_at=now() WHERE delivery_id=%(leased)s",
    "an attempt with an unknown result":
        "UPDATE alerts_deliveryattempt SET result='banana', finished_at=now() "
        "WHERE delivery_id=%(leased)s",
    "an attempt that ended without a result":
        "UPDATE alerts_deliveryattempt SET finished_at=now() WHERE delivery_id=%(leased)s",
    "an attempt numbered zero":
        "INSERT INTO alerts_deliveryattempt (delivery_id, number, started_at, result, reply) "
        "VALUES (%(leased)s, 0, now(), 'started', '')",
    "an act of an unknown kind":
        "INSERT INTO alerts_alertact (alert_id, at, by_id, kind, note, outcome) "
        "VALUES (%(alert)s, now(), %(nurse)s, 'banana', 'x', '')",
    "an act with an unknown outcome":
        "INSERT INTO alerts_alertact (alert_id, at, by_id, kind, note, outcome) "
        "VALUES (%(alert)s, now(), %(nurse)s, 'closed', 'x', 'banana')",
    "an act changed": "UPDATE alerts_alertact SET note='y' WHERE alert_id=%(closed)s",
    "an act gone": "DELETE FROM alerts_alertact WHERE alert_id=%(closed)s",
    "all acts gone": "TRUNCATE alerts_alertact",
}  # fmt: skip
OF_MUTES = {
    "of a red flag that says it is a trend":
        new_mute(rule="'U01_ABRUPT_STOP'", rule_group="'trend'", level="'urgent'"),
    "of a red flag": new_mute(rule="'E01_SEIZURE'"),
    "of an unknown rule": new_mute(rule="'U99_BANANA'"),
    "of a rule in another group": new_mute(rule_group="'engagement'"),
    "of an emergency": new_mute(level="'emergency'"),
    "without a reason": new_mute(reason="''"),
    "without an end in time": new_mute(ends_at="starts_at + interval '15 days'"),
    "ended by nobody": mute("ended_at=now()"),
    "of another clinic": new_mute(clinic_id="%(other_clinic)s::uuid"),
    "of another clinic's patient": new_mute(patient_id="%(other_patient)s::uuid"),
    "that now silences another rule": mute("rule='U01_ABRUPT_STOP'"),
    "that moved to another clinic": mute("clinic_id=%(other_clinic)s"),
    "that lasts longer than was said": mute("ends_at=ends_at + interval '1 hour'"),
    "gone": "DELETE FROM alerts_mute WHERE id=%(mute)s",
}  # fmt: skip
TABLES = {
    "alert": OF_ALERTS, "taken": OF_TAKEN_ALERTS, "delivery": OF_DELIVERIES,
    "record": OF_RECORDS, "mute": OF_MUTES,
}  # fmt: skip


def run(statement: str, rows: Any) -> int:
    """Run one statement and return how many rows it touched, with deferred checks made."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, vars(rows))
        touched: int = cursor.rowcount
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        return touched


@pytest.fixture
def rows(patient, other_patient, nurse, backup, outsider, prescriber) -> SimpleNamespace:
    """The ids of one row of each kind."""
    put_on_call(nurse)
    taken, closed, leased_one = (make_alert(patient, now=NOW) for _ in range(3))
    claimed = claim(NOW, leased_one.deliveries.get().pk)
    for one in (taken, closed):
        acknowledge_alert(alert=one, by=nurse.user, now=NOW)
    fresh = make_alert(patient)
    ids = SimpleNamespace(
        alert=fresh.pk, taken=taken.pk, closed=closed.pk, delivery=fresh.deliveries.get().pk,
        leased=claimed.pk, mute=make_mute(patient, prescriber.user).pk, nurse=nurse.user.pk,
        outsider=outsider.user.pk, outsider_member=outsider.pk, backup_member=backup.pk,
        other_patient=other_patient.pk, other_clinic=other_patient.clinic_id,
    )  # fmt: skip
    run(f"UPDATE alerts_alert SET {CLOSED} WHERE id=%(closed)s", ids)
    run(
        "INSERT INTO alerts_alertact (alert_id, at, by_id, kind, note, outcome) "
        "VALUES (%(closed)s, now(), %(nurse)s, 'closed', 'x', 'spoke')", ids,
    )  # fmt: skip
    return ids


def is_refused(statement: str, rows: SimpleNamespace) -> bool:
    """Answer whether PostgreSQL refuses it; what it lets pass is taken back."""
    try:
        with transaction.atomic():
            run(statement, rows)
            transaction.set_rollback(True)
    except REFUSED as error:
        # Not for want of a column or a table: those are mistakes of the statement.
        return not isinstance(error.__cause__, psycopg.errors.SyntaxErrorOrAccessRuleViolation)
    return False


@pytest.mark.parametrize("kind", TABLES)
def test_postgresql_refuses_every_impossible_row(kind: str, rows: SimpleNamespace) -> None:
    table = TABLES[kind]
    assert [what for what, statement in table.items() if not is_refused(statement, rows)] == []


def test_the_statements_above_fail_for_what_is_impossible_in_them_only(rows) -> None:
    """Each shape of statement passes when nothing in it is impossible."""
    for possible in (
        alert("next_rung_at=clock_set_at + interval '5 min'"),
        leased(SENT),
        new_alert(),
        new_delivery(),
        new_mute(),
        mute("ended_at=now(), ended_by_id=created_by_id"),
        alert(TAKEN),
        "UPDATE alerts_deliveryattempt SET result='sent', finished_at=now() "
        "WHERE delivery_id=%(leased)s",
    ):
        assert run(possible, rows) == 1


def test_every_field_with_a_list_of_values_has_its_constraint() -> None:
    free = {"alert.status", "delivery.status"}  # the triggers of the state machines
    for model in apps.get_app_config("alerts").get_models():
        checks = " ".join(
            str(c.condition) for c in model._meta.constraints if isinstance(c, CheckConstraint)
        )
        for field in model._meta.concrete_fields:
            if isinstance(field, fields.CharField) and field.choices:
                name = f"{model._meta.model_name}.{field.name}"
                assert name in free or f"'{field.name}__in'" in checks, name


def test_the_results_of_an_attempt_are_those_of_the_sender() -> None:
    assert set(ATTEMPT_RESULTS) == {"started", "unknown", *map(str, Result)}


def test_the_door_for_retention_lets_nothing_of_an_open_alert_through(rows) -> None:
    one = "DELETE FROM alerts_alertevent WHERE alert_id=%(alert)s"
    with pytest.raises(REFUSED):
        run(one, rows)
    with as_retention(), connection.cursor() as cursor:
        cursor.execute(one, vars(rows))
        assert cursor.rowcount > 0
        for refused in (
            "DELETE FROM alerts_alert WHERE id=%(alert)s",
            "UPDATE alerts_alertevent SET text='x' WHERE alert_id=%(taken)s",
            "DELETE FROM audit_auditevent",
        ):
            with pytest.raises(REFUSED), transaction.atomic():
                cursor.execute(refused, vars(rows))
