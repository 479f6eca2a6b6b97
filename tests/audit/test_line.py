"""What stands in the line for a seal, and what cannot be sealed: neither stops anybody's act."""

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from apps.alerts.health import check_health
from apps.audit.actions import seal_events
from apps.audit.chain import SEALED_WITHIN, late_seals, problems
from apps.audit.models import AuditSeal, UnsealedEvent
from apps.audit.partitions import make_partitions
from apps.database.scope import as_owner, every_clinic, one_clinic
from tests.factories import NOW, make_clinic, recorded

pytestmark = pytest.mark.django_db

CLINIC, OTHER = UUID(int=1), UUID(int=2)
# Python reads no number of so many digits; PostgreSQL keeps it.
UNREADABLE = """
INSERT INTO audit_auditevent (at, event, clinic_id, object_type, request_id, details)
VALUES (now(), 'x', %s, '', gen_random_uuid(), jsonb_build_object('n', %s::numeric)) RETURNING id
"""
DATED = """
INSERT INTO audit_auditevent (at, event, clinic_id, object_type, request_id, details)
VALUES (%s, 'x', %s, '', gen_random_uuid(), '{}')
"""
FUNCTION = """
SELECT tgfoid::regprocedure::text FROM pg_trigger
WHERE tgname LIKE 'pgtrigger_audit_awaits%' AND tgrelid = 'audit_auditevent'::regclass
"""
AGAIN = """
INSERT INTO audit_auditevent SELECT (jsonb_populate_record(
    e, jsonb_build_object('at', at + interval '40 days'))).* FROM audit_auditevent e WHERE id = %s
"""
REFUSED = pytest.raises(DatabaseError, match="permission denied")


def ask(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
        return cursor.fetchall() if cursor.description else []


def scopes() -> list[AbstractContextManager[None]]:
    return [one_clinic(make_clinic().pk), every_clinic()]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_unsealedevent (event_id) VALUES (987654321)",
        "UPDATE audit_unsealedevent SET said = NULL",
        "TRUNCATE audit_unsealedevent",
    ],
)
def test_no_role_of_the_program_puts_a_line_in_or_changes_one(statement: str) -> None:
    recorded(by=None, now=NOW, clinic_id=CLINIC)
    for scope in scopes():
        with scope, REFUSED, transaction.atomic():
            ask(statement)


def test_nobody_hangs_the_trigger_on_a_table_of_their_own() -> None:
    """From there it would put in what they like, by the owner's rights."""
    ((name,),) = ask(FUNCTION)
    hung = f"CREATE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION {name}"
    for scope in scopes():
        with scope, transaction.atomic():
            ask("CREATE TEMP TABLE mine (LIKE audit_auditevent)")
            with REFUSED, transaction.atomic():
                ask(hung)
            ask("DROP TABLE mine")


def test_a_request_still_writes_its_rows_and_they_are_sealed() -> None:
    clinic = make_clinic()
    with one_clinic(clinic.pk):
        row = recorded(by=None, now=NOW, clinic_id=clinic.pk)
    assert UnsealedEvent.objects.filter(event_id=row.pk, said__isnull=False).exists()
    seal_events()
    assert AuditSeal.objects.filter(event_id=row.pk).exists()
    assert list(problems()) == []


@pytest.mark.parametrize("at", ["infinity", "-infinity", "10000-01-01Z", "0044-03-15 BC"])
def test_a_moment_that_no_program_reads_is_refused(at: str) -> None:
    refused = pytest.raises(IntegrityError, match="audit_at_can_be_read")
    for scope in (one_clinic(CLINIC), every_clinic()):
        with scope, refused, transaction.atomic():
            ask(DATED, at, CLINIC)


def test_a_line_for_a_row_to_come_stops_no_act() -> None:
    last = recorded(by=None, now=NOW, clinic_id=CLINIC).pk
    with as_owner():
        for ahead in range(1, 20):
            ask("INSERT INTO audit_unsealedevent (event_id, said) VALUES (%s, 'no')", last + ahead)
    rows = [recorded(by=None, now=NOW, clinic_id=CLINIC) for _ in range(5)]
    seal_events()
    assert AuditSeal.objects.filter(event_id__in=[row.pk for row in rows]).count() == 5


@pytest.fixture
def poisoned() -> dict[str, int]:
    """A line with everything in it that cannot be sealed, among good rows of two clinics."""
    sealed = recorded(by=None, now=NOW, clinic_id=CLINIC)
    seal_events()
    ((unreadable,),) = ask(UNREADABLE, CLINIC, "9" * 5000)
    twice = recorded(by=None, now=NOW, clinic_id=CLINIC)
    with as_owner():
        # As it was before the check: the row stays, and nothing may trip over it.
        ask("ALTER TABLE audit_auditevent DROP CONSTRAINT audit_at_can_be_read")
        ask(DATED, "infinity", CLINIC)
        ((endless,),) = ask("SELECT id FROM audit_auditevent WHERE at = 'infinity'")
        ask(AGAIN, twice.pk)
        ask("INSERT INTO audit_unsealedevent (event_id) VALUES (%s), (987654321)", sealed.pk)
    return {"sealed": sealed.pk, "unreadable": unreadable, "endless": endless,
            "twice": twice.pk, "none": 987654321}  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 5000])
def test_what_cannot_be_sealed_is_passed_over_and_named(poisoned, limit: int) -> None:
    good = [
        recorded(by=None, now=NOW, clinic_id=clinic).pk for clinic in (CLINIC, OTHER, None, CLINIC)
    ]
    while seal_events(limit=limit):
        pass
    assert AuditSeal.objects.filter(event_id__in=good).count() == 4
    left = set(UnsealedEvent.objects.values_list("event_id", flat=True))
    assert left == set(poisoned.values())
    named = "\n".join(problems())
    for said in (
        f"Audit row {poisoned['sealed']} has its seal: its line for another was put in.",
        f"Audit row {poisoned['unreadable']} cannot be read, and so cannot be sealed.",
        f"Audit row {poisoned['endless']} cannot be read, and so cannot be sealed.",
        f"Audit row {poisoned['twice']} is there 2 times",
        f"Audit row {poisoned['none']} was removed before it was sealed.",
    ):
        assert said in named
    assert not [pk for pk in good if f"row {pk} " in named]


def test_a_clinic_whose_chain_takes_no_seal_stops_no_other_clinic() -> None:
    with as_owner():
        ask(
            "INSERT INTO audit_auditseal (clinic_id, sequence, event_id, digest) "
            "VALUES (%s, 9223372036854775807, 987654321, 'x')",
            CLINIC,
        )
    stuck, good = (recorded(by=None, now=NOW, clinic_id=c).pk for c in (CLINIC, OTHER))
    assert seal_events() == 1
    assert AuditSeal.objects.filter(event_id=good).exists()
    assert UnsealedEvent.objects.filter(event_id=stuck).exists()


def test_what_waits_too_long_is_named_on_the_health_page(poisoned) -> None:
    now = timezone.now()
    said = "Audit rows such as {} are not sealed: run verify_audit and read what it names."
    assert not [line for line in check_health(now).problems if "not sealed" in line]
    later = now + SEALED_WITHIN + timedelta(minutes=1)
    (problem,) = [line for line in check_health(later).problems if "not sealed" in line]
    assert problem in {said.format(pk) for pk in poisoned.values()}
    (sentence,) = late_seals(later)
    for pk in poisoned.values():
        assert str(pk) in sentence


def test_months_are_made_although_a_row_is_of_none(poisoned) -> None:
    assert make_partitions() == 0


def rows_read_to_seal(count: int) -> int:
    """Return how many rows PostgreSQL reads of the record's tables to seal so many."""
    read = (
        "SELECT sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int "
        "FROM pg_stat_xact_user_tables WHERE relname LIKE 'audit_%'"
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # else a small table is read whole
        cursor.execute(read)
        (before,) = cursor.fetchone()
        assert seal_events(limit=count) == count
        cursor.execute(read)
        return cursor.fetchone()[0] - before


def test_to_seal_some_rows_costs_the_same_however_many_wait() -> None:
    for _ in range(100):
        recorded("patient.viewed", by=None, now=NOW, clinic_id=CLINIC)
    few = rows_read_to_seal(20)
    for _ in range(400):
        recorded("patient.viewed", by=None, now=NOW, clinic_id=CLINIC)
    assert rows_read_to_seal(20) <= 1.5 * few
