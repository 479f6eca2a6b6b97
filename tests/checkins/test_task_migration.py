"""The way back over the migration by which tasks wait side by side works, or says why not."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from apps.checkins.models import CareTask
from apps.database.scope import as_owner
from tests.factories import NOW

pytestmark = pytest.mark.django_db
KEY = ("checkins", "0012_waits_by_its_words")


def wait_for(patient, *titles: str) -> None:
    for title in titles:
        CareTask.objects.create(
            clinic_id=patient.clinic_id, patient=patient, kind="aftercare", title=title,
            created_at=NOW, due_at=NOW + timedelta(days=1), source_id=uuid4(),
        )  # fmt: skip


def go_back() -> None:
    """Undo the migration alone, on the tables as they were right after it."""
    loader = MigrationExecutor(connection).loader
    migration = loader.get_migration(*KEY)
    before = loader.project_state(("checkins", "0011_still_paused"))
    connection.check_constraints()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with as_owner(), connection.schema_editor() as editor:  # as `migrate` signs in
        migration.unapply(before, editor)


def test_two_questions_of_one_patient_are_no_sql_error_but_a_sentence(patient) -> None:
    wait_for(patient, "Of one drug", "Of another drug")
    with pytest.raises(RuntimeError, match="1 patients have two open tasks"):
        go_back()
    assert CareTask.objects.open().count() == 2, "no question is dropped"


def test_without_such_a_pair_the_way_back_is_open(patient) -> None:
    wait_for(patient, "Of one drug")
    go_back()
    with pytest.raises(IntegrityError, match="task_asked_once"), transaction.atomic():
        wait_for(patient, "Of another drug")
