"""Whoever was shown on a list has it in their own trail, in one row for the page."""

from datetime import timedelta
from uuid import UUID, uuid4

import pgtrigger
import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from apps.audit.actions import SHOWN_AT_ONCE, record_shown, seal_events
from apps.audit.chain import problems
from apps.audit.models import AuditEvent
from apps.audit.reading import rows_about
from apps.dashboard.board_views import NOT_AGAIN_WITHIN
from apps.database.scope import as_owner, one_clinic
from apps.portal.export import access_of, everything_about
from tests.conftest import signed_in
from tests.factories import NOW, make_alert, make_patient, make_task

pytestmark = pytest.mark.django_db


def shown(nurse, *patients, event="tasks.viewed", now=NOW, **more) -> None:
    record_shown(
        event, patients=[patient.pk for patient in patients], by=nurse.user, now=now,
        clinic_id=nurse.clinic_id, **more,
    )  # fmt: skip


def events_of(patient) -> list[str]:
    return [row.event for row in rows_about(patient.pk, patient.clinic_id)]


def test_one_row_is_in_the_trail_of_everybody_on_the_page_and_of_nobody_else(
    nurse, clinic, patient
) -> None:
    other, away = make_patient(clinic), make_patient(clinic)
    last = AuditEvent.objects.latest("pk").pk
    shown(nurse, patient, other)
    assert AuditEvent.objects.filter(pk__gt=last).count() == 1
    assert events_of(patient)[0] == events_of(other)[0] == "tasks.viewed"
    assert "tasks.viewed" not in events_of(away)


def test_a_long_list_is_told_in_parts(nurse, patient) -> None:
    ids = [uuid4() for _ in range(2 * SHOWN_AT_ONCE)] + [patient.pk]
    record_shown(
        "caseload.exported", patients=ids, by=nurse.user, now=NOW, clinic_id=nurse.clinic_id
    )
    rows = AuditEvent.objects.filter(event="caseload.exported")
    told = [key for row in rows for key in row.details["patients"]]
    assert rows.count() == 3
    assert sorted(told) == sorted(map(str, ids))


def test_a_changed_list_of_patients_is_found_sealed_or_not(nurse, clinic, patient) -> None:
    other = make_patient(clinic)
    shown(nurse, patient, other)
    row = AuditEvent.objects.latest("pk")
    for sealed in (False, True):
        if sealed:
            seal_events()
        assert list(problems()) == []
        kept = row.details
        with as_owner(), pgtrigger.ignore():
            AuditEvent.objects.filter(pk=row.pk).update(details={"patients": [str(other.pk)]})
            assert any(str(row.pk) in words for words in problems())
            AuditEvent.objects.filter(pk=row.pk).update(details=kept)
        assert list(problems()) == []


def test_the_trail_of_a_patient_shows_lists_and_names_nobody_else(
    lead, nurse, clinic, patient
) -> None:
    other = make_patient(clinic, family_name="Quillfeather")
    shown(nurse, patient, other)
    client, path = signed_in(lead), reverse("dashboard:audit_patient", args=[patient.pk])
    for asked in ({}, {"format": "csv"}):
        text = client.get(path, asked).text
        assert "Saw the list of tasks" in text
        assert nurse.user.full_name in text
        assert "patients: 2" in text
        assert "Quillfeather" not in text
        assert str(other.pk) not in text


def test_the_patient_reads_who_saw_them_and_no_id_of_another(nurse, clinic, patient) -> None:
    other = make_patient(clinic)
    shown(nurse, patient, other)
    newest = access_of(patient)[0]
    assert (newest["event"], newest["by"]) == ("tasks.viewed", "staff")
    assert str(other.pk) not in str(everything_about(patient, NOW))


def test_a_clinic_reads_only_its_own_rows_about_somebody(nurse, outsider, patient) -> None:
    shown(outsider, patient)
    assert "tasks.viewed" not in events_of(patient)
    with one_clinic(patient.clinic_id):
        assert rows_about(patient.pk, outsider.clinic_id) == []


def test_older_lists_are_one_page_further(nurse, patient) -> None:
    for minute in range(5):
        shown(nurse, patient, now=NOW + timedelta(minutes=minute))
    first = rows_about(patient.pk, patient.clinic_id, at_most=2)
    then = rows_about(patient.pk, patient.clinic_id, at_most=2, before=first[-1].pk)
    assert [row.pk for row in first + then] == sorted((r.pk for r in first + then), reverse=True)
    assert len({row.pk for row in first + then}) == 4


def test_the_index_finds_the_lists_of_one_among_many(nurse, clinic, patient) -> None:
    for _ in range(300):
        record_shown(
            "tasks.viewed", patients=[uuid4() for _ in range(20)], by=nurse.user, now=NOW,
            clinic_id=clinic.pk,
        )  # fmt: skip
    wanted = AuditEvent.objects.about(patient.pk)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_auditevent")
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Each month of the record has its part of the index, under a name of its own.
        assert "Index Cond: (details @>" in wanted.explain()


# --- A board that draws itself anew ---------------------------------------------------------------
def board_rows() -> list[list[str]]:
    rows = AuditEvent.objects.filter(event="board.viewed").order_by("pk")
    return [row.details["patients"] for row in rows]


def test_a_board_that_draws_itself_anew_tells_each_new_face_at_once_and_the_same_once(
    nurse, clinic, patient
) -> None:
    client = signed_in(nurse)
    make_alert(patient)
    client.get(reverse("dashboard:board"))
    assert board_rows() == [[str(patient.pk)]]
    make_task(patient)  # the board looks different, and shows nobody else
    assert client.get(reverse("dashboard:board_live")).status_code == 200
    client.get(reverse("dashboard:board"))
    assert len(board_rows()) == 1
    other = make_patient(clinic)
    make_alert(other)
    client.get(reverse("dashboard:board_live"))
    assert board_rows()[1:] == [sorted([str(patient.pk), str(other.pk)])]


def test_after_a_while_the_same_board_is_told_again_and_a_colleague_at_once(
    nurse, prescriber, patient
) -> None:
    now = timezone.now()
    for at in (now - 3 * NOT_AGAIN_WITHIN, now - NOT_AGAIN_WITHIN / 2, now):
        shown(nurse, patient, event="board.viewed", now=at, not_again_within=NOT_AGAIN_WITHIN)
    assert len(board_rows()) == 2
    shown(prescriber, patient, event="board.viewed", now=now, not_again_within=NOT_AGAIN_WITHIN)
    assert len(board_rows()) == 3


def test_a_board_without_anybody_tells_nothing(nurse) -> None:
    signed_in(nurse).get(reverse("dashboard:board"))
    assert board_rows() == []


def test_ids_are_ids_of_patients(nurse, patient) -> None:
    make_task(patient)
    signed_in(nurse).get(reverse("checkins:task_list"))
    row = AuditEvent.objects.get(event="tasks.viewed")
    assert [UUID(key) for key in row.details["patients"]] == [patient.pk]
