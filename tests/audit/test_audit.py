"""The audit record cannot be changed."""

import pytest
from django.db import DatabaseError, connection, transaction

from apps.audit.models import AuditEvent
from tests.factories import NOW, recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> AuditEvent:
    return recorded("patient.viewed", by=None, now=NOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditevent SET event = 'x'",
        "DELETE FROM audit_auditevent",
        "TRUNCATE audit_auditevent",
    ],
)
def test_raw_sql_cannot_change_the_record(event: AuditEvent, statement: str) -> None:
    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert AuditEvent.objects.get(pk=event.pk).event == "patient.viewed"


def test_a_row_outlives_what_it_speaks_of(nurse) -> None:
    row = recorded("patient.viewed", by=nurse.user, now=NOW, obj=nurse)
    assert (row.actor_id, row.object_type, row.object_id) == (
        nurse.user.pk,
        "StaffMember",
        nurse.pk,
    )
    foreign = [field.name for field in AuditEvent._meta.get_fields() if field.is_relation]
    assert foreign == []
