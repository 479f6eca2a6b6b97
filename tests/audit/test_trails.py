"""The record as the clinical lead reads it, and what of it leaves as CSV."""

import csv
from io import StringIO
from uuid import uuid4

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.audit.actions import record
from apps.audit.models import AuditEvent
from apps.dashboard import trail
from apps.dashboard.trail import PER_PAGE
from apps.patients.lists import disarmed
from tests.conftest import signed_in
from tests.factories import CALM, NOW, check_in, make_active_plan, make_alert, make_patient

pytestmark = pytest.mark.django_db


def read_csv(response) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(response.content.decode("utf-8-sig"))))


def test_who_saw_this_alert_when_and_what_they_did(lead, nurse, patient, clinic) -> None:
    alert, other = make_alert(patient), make_alert(make_patient(clinic))
    reader = signed_in(nurse)
    reader.get(reverse("dashboard:alert", args=[other.pk]))
    reader.get(reverse("dashboard:alert", args=[alert.pk]))
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    path = reverse("dashboard:audit_alert", args=[alert.pk])
    page = signed_in(lead).get(path)
    whats = [(line.who, line.event) for line in page.context["lines"]]
    assert whats == [
        (nurse.user.full_name, "alert.acknowledged"),
        (nurse.user.full_name, "alert.viewed"),
        ("Glidepath itself", "alert.opened"),
    ]
    exported = signed_in(lead).get(path, {"format": "csv"})
    assert 'filename="audit-alert-2' in exported.headers["Content-Disposition"]
    rows = read_csv(exported)
    events = {row["event"] for row in rows if not row["event"].startswith("delivery.")}
    assert events >= {"alert.acknowledged", "alert.viewed", "alert.opened"}
    assert {row["patient"] for row in rows} == {patient.reference}
    assert patient.family_name not in exported.content.decode()


def test_who_saw_an_alert_on_a_list_is_told(lead, nurse, patient, clinic) -> None:
    """The board, its file, the hand-over, the patient's page; the API: tests/api."""
    alert, reader = make_alert(patient), signed_in(nurse)
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)
    for url, asked in (
        ("dashboard:board", {}), ("dashboard:board", {"format": "csv"}),
        ("dashboard:hand_over", {}), ("dashboard:caseload", {}),
    ):  # fmt: skip
        assert reader.get(reverse(url), asked).status_code == 200
    reader.get(reverse("dashboard:patient", args=[patient.pk]))
    path = reverse("dashboard:audit_alert", args=[alert.pk])
    seen = {"board.viewed", "open_alerts.exported", "hand_over.viewed", "patient.viewed"}
    page = signed_in(lead).get(path)
    assert {line.event for line in page.context["lines"] if line.who == nurse.user.full_name} == {
        *seen, "alert.acknowledged",
    }  # fmt: skip
    rows = read_csv(signed_in(lead).get(path, {"format": "csv"}))
    assert seen <= {row["event"] for row in rows}
    none = make_alert(make_patient(clinic))
    page = signed_in(lead).get(reverse("dashboard:audit_alert", args=[none.pk]))
    assert {line.event for line in page.context["lines"]} == {"alert.opened"}


def test_who_saw_an_alert_beside_the_patient_or_took_it_along_is_told(
    lead, prescriber, clinic
) -> None:
    """The step review, the check-in's own page, the time line, the whole record as a file."""
    patient = make_patient(clinic)
    plan = make_active_plan(patient, prescriber.user)
    given = check_in(patient, CALM | {"seizure": "yes"})
    alert, other = patient.alerts.get(), make_alert(make_patient(clinic))
    reader = signed_in(prescriber)
    with override_settings(DEMO_MODE=True):  # no proof is asked for the file
        for name, key, posted in (
            ("dashboard:review", plan.pk, None),
            ("checkins:detail", given.pk, None),
            ("dashboard:history", patient.pk, None),
            ("exchange:record_export", patient.pk, {"why": "transfer"}),
        ):
            path = reverse(name, args=[key])
            answer = reader.post(path, posted) if posted else reader.get(path)
            assert answer.status_code == 200, name
        reader.get(reverse("dashboard:history", args=[patient.pk]), {"format": "csv"})
    seen = {"plan.reviewed", "check_in.viewed", "patient.viewed", "record.exported",
            "history.exported"}  # fmt: skip
    path = reverse("dashboard:audit_alert", args=[alert.pk])
    lines = signed_in(lead).get(path).context["lines"]
    assert {line.event for line in lines if line.who == prescriber.user.full_name} == seen
    assert seen <= {row["event"] for row in read_csv(signed_in(lead).get(path, {"format": "csv"}))}
    page = signed_in(lead).get(reverse("dashboard:audit_alert", args=[other.pk]))
    assert {line.event for line in page.context["lines"]} == {"alert.opened"}


def test_who_saw_a_closed_alert_on_the_time_line_is_told(lead, nurse, patient) -> None:
    alert = make_alert(patient)
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=NOW)
    reader = signed_in(nurse)
    reader.get(reverse("dashboard:history", args=[patient.pk]), {"show": "work"})
    path = reverse("dashboard:audit_alert", args=[alert.pk])
    lines = signed_in(lead).get(path).context["lines"]
    assert "patient.viewed" not in {line.event for line in lines}
    reader.get(reverse("dashboard:history", args=[patient.pk]))
    lines = signed_in(lead).get(path).context["lines"]
    assert "patient.viewed" in {line.event for line in lines}


def test_a_second_alert_of_the_same_patient_is_told_although_the_board_was_just_drawn(
    nurse, patient
) -> None:
    first, reader = make_alert(patient), signed_in(nurse)
    reader.get(reverse("dashboard:board"))
    second = make_alert(patient)
    reader.get(reverse("dashboard:board"))
    reader.get(reverse("dashboard:board"))
    rows = AuditEvent.objects.filter(event="board.viewed").order_by("pk")
    assert [set(row.details["alerts"]) for row in rows] == [
        {str(first.pk)}, {str(first.pk), str(second.pk)},
    ]  # fmt: skip


def test_the_file_of_an_alert_holds_its_messages(lead, nurse, patient) -> None:
    alert = make_alert(patient)
    (told,) = {each.recipient for each in alert.deliveries.all()} or {None}
    path = reverse("dashboard:audit_alert", args=[alert.pk])
    rows = read_csv(signed_in(lead).get(path, {"format": "csv"}))
    messages = [row for row in rows if row["event"].startswith("delivery.")]
    assert len(messages) == alert.deliveries.count() > 0
    assert told is not None
    assert messages[0]["who"] == told.user.full_name
    assert "rung: " in messages[0]["more"]
    assert "address" not in messages[0]["more"]
    assert rows == sorted(rows, key=lambda row: row["when"], reverse=True)


def test_reading_and_exporting_the_record_are_on_record(lead, patient) -> None:
    path = reverse("dashboard:audit_patient", args=[patient.pk])
    signed_in(lead).get(path)
    signed_in(lead).get(path, {"format": "csv"})
    events = AuditEvent.objects.filter(event__startswith="audit.").order_by("pk")
    assert [(row.event, row.patient_id) for row in events] == [
        ("audit.viewed", patient.pk),
        ("audit.exported", patient.pk),
    ]


@pytest.mark.parametrize(("at_most", "cut"), [(3, True), (4, False)])
def test_an_export_that_is_cut_off_says_so_and_counts_what_left(
    lead, patient, monkeypatch, at_most, cut
) -> None:
    client = signed_in(lead)
    kept = AuditEvent.objects.filter(clinic_id=lead.clinic_id).count()
    for _ in range(4 - kept):
        record("patient.viewed", by=lead.user, now=timezone.now(), clinic_id=lead.clinic_id)
    monkeypatch.setattr(trail, "EXPORT_AT_MOST", at_most)
    text = client.get(reverse("dashboard:audit"), {"format": "csv"}).text
    assert (text.splitlines()[-1] == "Only the first 3 rows are in this file.") is cut
    row = AuditEvent.objects.get(event="audit.exported")
    assert row.details["rows"] == min(4, at_most) == len(text.splitlines()) - 1 - cut


def test_a_persons_trail_holds_their_acts_and_their_sign_ins(lead, nurse, patient) -> None:
    signed_in(nurse).get(reverse("dashboard:patient", args=[patient.pk]))
    page = signed_in(lead).get(reverse("dashboard:audit_person", args=[nurse.pk]))
    events = [line.event for line in page.context["lines"]]
    assert events == ["patient.viewed", "sign_in.done"]


def test_a_refused_attempt_shows_who_asked_for_what(lead, nurse, other_patient) -> None:
    signed_in(nurse).get(reverse("dashboard:patient", args=[other_patient.pk]))
    signed_in(nurse).get(reverse("dashboard:audit"))
    page = signed_in(lead).get(reverse("dashboard:audit"))
    refused = [line for line in page.context["lines"] if line.event == "access.refused"]
    assert [line.who for line in refused] == [nurse.user.full_name] * 2
    assert "url: dashboard:audit, method: GET, status: 403" in refused[0].more
    assert other_patient.family_name not in page.text


def test_a_stranger_cannot_fill_the_record(client, patient) -> None:
    rows = AuditEvent.objects.count()
    client.get("/nowhere/")
    client.get(reverse("dashboard:patient", args=[patient.pk]))
    assert AuditEvent.objects.count() == rows


def test_older_rows_are_one_page_further(lead, patient) -> None:
    for _ in range(PER_PAGE + 5):
        record("patient.viewed", by=lead.user, now=NOW, clinic_id=lead.clinic_id)
    client, path = signed_in(lead), reverse("dashboard:audit")
    first = client.get(path)
    assert len(first.context["lines"]) == PER_PAGE
    older = client.get(path, {"before": first.context["older"]})
    assert len(older.context["lines"]) >= 5
    for nonsense in ("x", "-1", "9" * 40, "1;DROP"):
        assert client.get(path, {"before": nonsense}).status_code == 200


def test_the_trail_takes_the_same_queries_however_long_it_is(
    lead, clinic, django_assert_max_num_queries
) -> None:
    client = signed_in(lead)
    for _ in range(30):
        patient = make_patient(clinic)
        record("patient.viewed", by=lead.user, now=NOW, clinic_id=clinic.pk, patient_id=patient.pk)
    with django_assert_max_num_queries(14):
        client.get(reverse("dashboard:audit"))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_spreadsheet_calculates_nothing(cell: str) -> None:
    assert disarmed(cell) == f"'{cell}"
    assert disarmed(f"a{cell}") == f"a{cell}"
    # What another language's spreadsheet takes for the end of a cell begins another.
    for end in (";", "\t", "\r\n", "; ", ';"'):
        assert disarmed(f"a{end}{cell}") == f"a{end}'{cell}"


def test_help_of_a_clinic_that_does_not_exist_is_not_found_and_on_record(nurse) -> None:
    answer = signed_in(nurse).get(reverse("portal:help", args=[uuid4()]))
    assert answer.status_code == 404
    row = AuditEvent.objects.get(event="access.refused")
    assert row.clinic_id == nurse.clinic_id
