"""Whoever edits, removes or puts in an audit row is found, even with the owner's rights."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from threading import Thread
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from apps.audit.actions import record, seal_events
from apps.audit.chain import (
    NO_CLINIC,
    SEALED_WITHIN,
    Head,
    edited_unsealed,
    head_of,
    heads,
    late_seals,
    problems,
)  # fmt: skip
from apps.audit.models import AuditEvent, AuditSeal, UnsealedEvent
from apps.audit.tasks import seal_audit
from apps.database.scope import as_owner, one_clinic
from tests.factories import NOW, recorded

CLINIC, OTHER = UUID(int=1), UUID(int=2)


def tamper(statement: str, *values: object) -> None:
    """Change the record as the owner of the tables can, its triggers off."""
    tables = ("audit_auditevent", "audit_auditseal")
    with as_owner(), connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        cursor.execute(statement, values)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


def write_rows(count: int, clinic_id: UUID | None = CLINIC) -> list[AuditEvent]:
    return [
        recorded("patient.viewed", by=None, now=NOW, clinic_id=clinic_id, number=number)
        for number in range(count)
    ]


@pytest.fixture
def rows(db: None) -> list[AuditEvent]:
    """Five sealed rows of one clinic, among those of another and of none."""
    write_rows(2, OTHER)
    rows = write_rows(5)
    write_rows(1, None)
    assert seal_events() == 8
    assert list(problems()) == []
    return rows


def test_sealing_again_does_nothing(rows: list[AuditEvent]) -> None:
    seal_audit()
    seal_audit()
    assert AuditSeal.objects.count() == 8
    assert not UnsealedEvent.objects.exists()


def test_each_clinic_counts_its_own_rows(rows: list[AuditEvent]) -> None:
    assert {head.clinic_id: head.sequence for head in heads()} == {
        NO_CLINIC: 1,
        CLINIC: 5,
        OTHER: 2,
    }


def test_a_chain_goes_on_over_several_sealings(rows: list[AuditEvent]) -> None:
    write_rows(3)
    assert seal_events(limit=2) == 2
    assert seal_events(limit=2) == 1
    assert head_of(CLINIC).sequence == 8
    assert list(problems()) == []


@pytest.mark.parametrize(
    "change",
    [
        "at = at + interval '1 microsecond'",
        "event = 'patient.exported'",
        "actor_id = gen_random_uuid()",
        "patient_id = gen_random_uuid()",
        "clinic_id = '00000000-0000-0000-0000-000000000002'",
        "clinic_id = NULL",
        "object_type = 'Alert'",
        "object_id = gen_random_uuid()",
        "request_id = gen_random_uuid()",
        "details = details || '{\"number\": 7}'",
    ],
)
def test_an_edited_row_is_named(rows: list[AuditEvent], change: str) -> None:
    tamper(f"UPDATE audit_auditevent SET {change} WHERE id = %s", rows[2].pk)
    (problem,) = problems()
    assert f"audit row {rows[2].pk}, or its seal, was edited" in problem


def test_a_removed_row_is_named(rows: list[AuditEvent]) -> None:
    tamper("DELETE FROM audit_auditevent WHERE id = %s", rows[2].pk)
    assert [f"Clinic {CLINIC}: audit row {rows[2].pk} was removed."] == list(problems())


def test_a_row_removed_with_its_seal_leaves_a_gap(rows: list[AuditEvent]) -> None:
    tamper("DELETE FROM audit_auditseal WHERE event_id = %s", rows[2].pk)
    tamper("DELETE FROM audit_auditevent WHERE id = %s", rows[2].pk)
    assert list(problems()) == [f"Clinic {CLINIC}: the seals 3 to 3 were removed."]


def test_closing_the_gap_breaks_the_next_digest(rows: list[AuditEvent]) -> None:
    tamper("DELETE FROM audit_auditseal WHERE event_id = %s", rows[2].pk)
    tamper("DELETE FROM audit_auditevent WHERE id = %s", rows[2].pk)
    for sequence in (4, 5):
        tamper(
            "UPDATE audit_auditseal SET sequence = sequence - 1 "
            "WHERE clinic_id = %s AND sequence = %s",
            CLINIC,
            sequence,
        )
    (problem,) = problems()
    assert f"audit row {rows[3].pk}, or its seal, was edited" in problem


def test_a_row_put_in_without_a_seal_is_named(rows: list[AuditEvent]) -> None:
    tamper(
        "INSERT INTO audit_auditevent (at, event, request_id, details, object_type, clinic_id) "
        "VALUES (%s, 'patient.viewed', gen_random_uuid(), '{}', '', %s)",
        NOW,
        CLINIC,
    )
    stranger = AuditEvent.objects.latest("pk")
    assert list(problems()) == [f"Audit row {stranger.pk} was put in without a seal."]


def test_a_row_removed_before_its_seal_is_named(rows: list[AuditEvent]) -> None:
    (fresh,) = write_rows(1)
    tamper("DELETE FROM audit_auditevent WHERE id = %s", fresh.pk)
    assert list(problems()) == [f"Audit row {fresh.pk} was removed before it was sealed."]


def test_rows_that_wait_for_their_seal_are_no_problem(rows: list[AuditEvent]) -> None:
    write_rows(2)
    assert list(problems()) == []


def test_a_row_edited_before_its_seal_is_named_and_never_sealed(rows: list[AuditEvent]) -> None:
    fresh, other = write_rows(2)
    tamper("UPDATE audit_auditevent SET event = 'alert.viewed' WHERE id = %s", fresh.pk)
    said = [f"Audit row {fresh.pk} was edited before it was sealed."]
    assert list(problems()) == said
    assert seal_events() == 1
    assert not AuditSeal.objects.filter(event_id=fresh.pk).exists()
    assert AuditSeal.objects.filter(event_id=other.pk).exists()
    assert list(problems()) == said


def test_what_was_written_is_known_again_in_another_time_zone(rows: list[AuditEvent]) -> None:
    write_rows(1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TimeZone = 'Asia/Tokyo'; SET LOCAL DateStyle = 'German'")
    assert edited_unsealed() == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO audit_auditseal (clinic_id, sequence, event_id, digest) "
        "VALUES ('00000000-0000-0000-0000-000000000001', 900, 1, sha256('x'))",
        "DELETE FROM audit_unsealedevent",
        "UPDATE audit_unsealedevent SET said = NULL",
    ],
)
def test_a_request_neither_seals_nor_empties_the_line(db: None, statement: str) -> None:
    with one_clinic(CLINIC):
        write_rows(1)
    denied = pytest.raises(DatabaseError, match="permission denied")
    with denied, transaction.atomic(), one_clinic(CLINIC), connection.cursor() as cursor:
        cursor.execute(statement)
    assert seal_events() == 1


def test_a_record_that_is_not_being_sealed_is_not_intact(rows: list[AuditEvent]) -> None:
    write_rows(1)
    assert list(late_seals(timezone.now())) == []
    since = timezone.now() - SEALED_WITHIN - timedelta(minutes=1)
    with as_owner():
        UnsealedEvent.objects.update(since=since)
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="not sealed"):
        call_command("verify_audit", stdout=out, stderr=err)
    assert "1 audit rows wait for a seal" in err.getvalue()
    assert "intact" not in out.getvalue()


def test_a_known_head_finds_a_chain_cut_at_its_end(rows: list[AuditEvent]) -> None:
    known = heads()
    tamper("DELETE FROM audit_auditseal WHERE event_id = %s", rows[4].pk)
    tamper("DELETE FROM audit_auditevent WHERE id = %s", rows[4].pk)
    assert list(problems()) == []
    assert list(problems(known=known)) == [
        f"The chain of clinic {CLINIC} ends before its known row 5."
    ]


def test_a_known_head_finds_a_chain_that_was_rewritten(rows: list[AuditEvent]) -> None:
    known = heads()
    tamper("UPDATE audit_auditevent SET event = 'x' WHERE id = %s", rows[0].pk)
    tamper("DELETE FROM audit_auditseal WHERE clinic_id = %s", CLINIC)
    with as_owner():
        UnsealedEvent.objects.bulk_create(UnsealedEvent(event_id=row.pk) for row in rows)
    seal_events()
    assert list(problems()) == []
    assert list(problems(known=known)) == [
        f"The chain of clinic {CLINIC} was rewritten before row 5."
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditseal SET digest = sha256('x')",
        "DELETE FROM audit_auditseal",
        "TRUNCATE audit_auditseal",
    ],
)
def test_raw_sql_cannot_change_a_seal(rows: list[AuditEvent], statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_seal_put_in_for_a_row_that_waits_stops_no_other_row(rows: list[AuditEvent]) -> None:
    write_rows(1)
    last = write_rows(1)[0]
    tamper(
        "INSERT INTO audit_auditseal (clinic_id, sequence, event_id, digest) "
        "VALUES (%s, 1, %s, sha256('x'))",
        uuid4(),
        last.pk,
    )
    assert seal_events() == 1
    assert UnsealedEvent.objects.get().event_id == last.pk
    assert head_of(CLINIC).sequence == 6
    assert [problem for problem in problems() if str(last.pk) in problem]


@pytest.mark.django_db(transaction=True)
def test_several_sealers_at_once_make_one_chain() -> None:
    def work() -> None:
        try:
            for _ in range(10):
                write_rows(3)
                seal_events(limit=5)
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while seal_events():
        pass
    assert head_of(CLINIC).sequence == 120
    assert list(problems()) == []


def test_the_command_prints_heads_that_it_can_read_back(
    rows: list[AuditEvent], tmp_path: Path
) -> None:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    assert "intact: 8 sealed rows" in out.getvalue()
    kept = tmp_path / "heads"
    kept.write_text(out.getvalue())
    call_command("verify_audit", known=kept, stdout=StringIO())
    tamper("UPDATE audit_auditevent SET event = 'x' WHERE id = %s", rows[0].pk)
    err = StringIO()
    with pytest.raises(CommandError, match="tampered with: 1 problem"):
        call_command("verify_audit", known=kept, stdout=StringIO(), stderr=err)
    assert str(rows[0].pk) in err.getvalue()


def test_the_command_seals_all_that_waits(db: None) -> None:
    write_rows(3)
    out = StringIO()
    call_command("seal_audit", stdout=out)
    assert out.getvalue() == "sealed 3\n"


@pytest.mark.parametrize("text", ["", "x", "1:2:3", f"{CLINIC}:x:00", f"{CLINIC}:1"])
def test_a_head_that_is_none_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="is not a head"):
        Head.parse(text)


def test_a_head_reads_back_what_it_wrote() -> None:
    head = Head(uuid4(), 12, bytes(range(32)))
    assert Head.parse(str(head)) == head


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=8,
)


class TestAnyDetails(TestCase):
    """Whatever JSON an action writes down, the seal holds when it is read again."""

    @settings(max_examples=40)
    @given(st.lists(json_values, min_size=1, max_size=4))
    def test_seals_hold(self, details: list[object]) -> None:
        for value in details:
            record("plan.signed", by=None, now=NOW, clinic_id=CLINIC, value=value)
        assert seal_events() == len(details)
        assert list(problems()) == []
