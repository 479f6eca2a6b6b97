"""Reading, taking and closing alerts through the API, in the name of who saw them."""

from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import acknowledge_alert, open_alert, resolve_alert
from apps.alerts.models import HANDED_OVER, Alert, Delivery
from apps.api import actions
from apps.api.entry import schema
from apps.audit.models import AuditEvent
from apps.programs.idempotency import forget_answers
from apps.programs.models import KeptAnswer
from tests.factories import make_alert, make_patient, make_task, put_on_call

pytestmark = pytest.mark.django_db


@pytest.fixture
def alert(patient, nurse) -> Alert:
    put_on_call(nurse, now=timezone.now())
    return make_alert(patient, now=timezone.now())


@pytest.fixture
def lesser(patient, nurse) -> Alert:
    put_on_call(nurse, now=timezone.now())
    return make_alert(patient, "urgent", now=timezone.now())


def seen(asker, **changes):
    return {
        "seen_by": str(asker.member.pk), "seen_at": timezone.now().isoformat(), **changes,
    }  # fmt: skip


def take(asker, alert, key=None, **changes):
    path = reverse("api:alert_acknowledge", args=[alert.pk])
    return asker.sends(path, seen(asker, **changes), key)


def close(asker, alert, key=None, **changes):
    body = seen(asker) | {"outcome": "spoke", "note": "Spoke with her."} | changes
    return asker.sends(reverse("api:alert_close", args=[alert.pk]), body, key)


def told(alert: Alert) -> int:
    return Delivery.objects.filter(alert=alert, rung=HANDED_OVER).count()


# --- Reading --------------------------------------------------------------------------------------
def test_the_worklist_is_the_board(asker, alert, patient) -> None:
    make_task(patient)
    found = asker.get(reverse("api:worklist")).json()
    (line,) = found["alerts"]
    assert (line["reference"], line["status"], line["owner"]) == (alert.reference, "open", None)
    assert line["patient"] == {"id": str(patient.pk), "name": patient.full_name}
    assert found["jobs"][0]["patient"]["id"] == str(patient.pk)
    assert found["on_call"][0]["name"] == asker.member.user.full_name
    row = AuditEvent.objects.get(event="worklist.read")
    assert row.details == {
        "patients": [str(patient.pk)], "alerts": [str(alert.pk)], "program": str(asker.program.pk),
    }  # fmt: skip


def test_alerts_are_listed_by_what_is_asked_for(asker, alert, clinic) -> None:
    other = make_alert(make_patient(clinic))
    listed = asker.get(reverse("api:alerts"), {"patient": alert.patient_id}).json()
    assert [line["id"] for line in listed["alerts"]] == [str(alert.pk)]
    assert not listed["more"]
    assert take(asker, alert).status_code == 200
    found = {
        status: asker.get(reverse("api:alerts"), {"status": status}).json()["alerts"]
        for status in ("unresolved", "open", "acknowledged", "resolved")
    }
    ids = {status: {line["id"] for line in lines} for status, lines in found.items()}
    assert ids == {
        "unresolved": {str(alert.pk), str(other.pk)}, "open": {str(other.pk)},
        "acknowledged": {str(alert.pk)}, "resolved": set(),
    }  # fmt: skip
    for wrong in ({"status": "all"}, {"page": "0"}, {"patient": "x"}):
        assert asker.get(reverse("api:alerts"), wrong).status_code == 422


def test_an_alert_is_read_with_its_answers_and_noted(asker, alert) -> None:
    found = asker.get(reverse("api:alert", args=[alert.pk])).json()
    assert found["reference"] == alert.reference
    assert found["acts"] == []
    row = AuditEvent.objects.get(event="alert.viewed")
    assert (row.actor_id, row.patient_id) == (asker.member.user_id, alert.patient_id)


def test_lists_ask_the_same_however_long_they_are(asker, clinic) -> None:
    counts = []
    for _ in range(2):
        for _ in range(3):
            make_alert(make_patient(clinic))
        asked = []
        for name in ("api:worklist", "api:alerts"):
            asker.get(reverse(name))
            with CaptureQueriesContext(connection) as queries:
                asker.get(reverse(name))
            asked.append(len(queries))
        counts.append(asked)
    assert counts[0] == counts[1]


# --- Taking ---------------------------------------------------------------------------------------
def test_a_taken_alert_belongs_to_who_saw_it_and_they_are_told(asker, alert) -> None:
    answer = take(asker, alert)
    assert answer.status_code == 200
    assert answer.json()["owner"]["name"] == asker.member.user.full_name
    alert.refresh_from_db()
    assert (alert.status, alert.owner) == ("acknowledged", asker.member.user)
    assert alert.ack_due_at is not None, "without an act it opens again"
    assert told(alert) == 1
    line = alert.events.get(text__contains="through the program")
    assert asker.member.user.full_name in line.text
    row = AuditEvent.objects.get(event="alert.acknowledged")
    assert (row.actor_id, row.details["program"]) == (
        asker.member.user_id, str(asker.program.pk),
    )  # fmt: skip
    assert take(asker, alert).status_code == 200
    assert told(alert) == 1, "taking it again tells nobody again"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seen_by": str(uuid4())}, "seen_by"),
        ({"seen_by": "me"}, "seen_by"),
        ({"seen_at": "2026-11-23T12:00:00"}, "seen_at"),
        ({"seen_at": "0001-01-01T00:00:00+14:00"}, "seen_at"),
        ({"seen_at": "9999-12-31T23:59:59-14:00"}, "seen_at"),
    ],
)
def test_what_nobody_saw_is_not_taken(asker, alert, changes, field) -> None:
    for answer in (take(asker, alert, **changes), close(asker, alert, **changes)):
        assert answer.status_code == 422
        assert field in answer.json()["errors"][0]["field"]
    alert.refresh_from_db()
    assert alert.status == "open"


def test_an_old_look_does_not_count(asker, patient) -> None:
    old = make_alert(patient, now=timezone.now() - timedelta(hours=2))
    long_ago = (timezone.now() - timedelta(minutes=16)).isoformat()
    answer = take(asker, old, seen_at=long_ago)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "seen_at")
    before = (timezone.now() - timedelta(hours=3)).isoformat()
    assert "before it was opened" in take(asker, old, seen_at=before).json()["errors"][0]["message"]


def test_somebody_elses_alert_stays_theirs(asker, alert, backup) -> None:
    acknowledge_alert(alert=alert, by=backup.user, now=timezone.now())
    answer = take(asker, alert)
    assert answer.status_code == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert close(asker, alert).status_code == 403
    alert.refresh_from_db()
    assert (alert.status, alert.owner, told(alert)) == ("acknowledged", backup.user, 0)


# --- Closing --------------------------------------------------------------------------------------
def test_a_person_alone_closes_an_emergency(asker, alert) -> None:
    assert alert.level == "emergency"
    for _ in range(2):  # before it is taken, and after
        refused = close(asker, alert)
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert (refused.status_code, refused.json()["type"].rsplit(":", 1)[1]) == (
            403, "person-needed",
        )  # fmt: skip
        assert "a person must close it in the app" in refused.json()["detail"]
        assert refused.json()["url"].endswith(reverse("dashboard:alert", args=[alert.pk]))
        take(asker, alert)
    alert.refresh_from_db()
    assert (alert.status, alert.owner) == ("acknowledged", asker.member.user)
    assert alert.ack_due_at is not None
    assert not AuditEvent.objects.filter(event="alert.resolved").exists()
    resolve_alert(
        alert=alert, by=asker.member.user, outcome="spoke", note="Spoke.", now=timezone.now()
    )
    alert.refresh_from_db()
    assert alert.status == "resolved"


def test_a_program_reads_beforehand_where_its_person_closes_an_emergency(
    asker, alert, client, nurse
) -> None:
    (line,) = asker.get(reverse("api:worklist")).json()["alerts"]
    detail = asker.get(reverse("api:alert", args=[alert.pk])).json()
    assert line["url"] == detail["url"] == close(asker, alert).json()["url"]
    client.force_login(nurse.user)
    assert alert.reference in client.get(urlsplit(line["url"]).path).content.decode()


def test_the_openapi_says_that_no_program_closes_an_emergency() -> None:
    found = schema()
    assert "close any but an emergency" in found["info"]["description"]
    asked = found["paths"]["/api/v1/alerts/{alert_id}/close"]["post"]
    assert "No program closes an emergency" in asked["description"]
    assert 403 in asked["responses"]
    assert "url" in found["components"]["schemas"]["Problem"]["properties"]


def test_what_became_an_emergency_meanwhile_is_refused_too(asker, lesser) -> None:
    take(asker, lesser)
    open_alert(
        patient=lesser.patient, level="emergency", response_minutes=5, rules=["E01_SEIZURE"],
        source_type="check_in", source_id=uuid4(), now=timezone.now(),
    )  # fmt: skip
    for each in Alert.objects.filter(level="emergency"):
        assert close(asker, each).status_code == 403
        each.refresh_from_db()
        assert each.status != "resolved"


def test_a_lesser_alert_is_closed_with_what_its_person_did(asker, lesser) -> None:
    take(asker, lesser)
    assert close(asker, lesser).json()["status"] == "resolved"
    lesser.refresh_from_db()
    assert (lesser.resolved_by, lesser.note) == (asker.member.user, "Spoke with her.")
    assert lesser.events.filter(text__startswith="Closed through the program").count() == 1
    assert close(asker, lesser).status_code == 409
    acts = asker.get(reverse("api:alert", args=[lesser.pk])).json()["acts"]
    assert [act["kind"] for act in acts] == ["closed"]


def test_an_alert_ends_only_with_an_outcome_and_a_note(asker, alert) -> None:
    for changes in ({"outcome": "fine"}, {"note": ""}, {"note": "  "}, {"note": "a\x00b"}):
        assert close(asker, alert, **changes).status_code == 422


# --- Once -----------------------------------------------------------------------------------------
def test_the_same_key_gives_the_same_answer_and_one_act(asker, alert) -> None:
    body = seen(asker)
    path = reverse("api:alert_acknowledge", args=[alert.pk])
    first, again = (asker.sends(path, body, "key-1") for _ in range(2))
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert AuditEvent.objects.filter(event="alert.acknowledged").count() == 1
    other = asker.sends(path, seen(asker), "key-1")
    assert (other.status_code, other.json()["type"].rsplit(":", 1)[1]) == (
        422, "idempotency-key-used",
    )  # fmt: skip
    assert close(asker, alert, key="key-1").status_code == 422


def test_a_key_is_needed_and_a_refusal_uses_none_up(asker, alert) -> None:
    path = reverse("api:alert_acknowledge", args=[alert.pk])
    bare = asker.generic("POST", path, "{}", content_type="application/json")
    assert bare.status_code == 422
    assert take(asker, alert, "k", seen_by=str(uuid4())).status_code == 422
    assert not KeptAnswer.objects.exists()
    assert take(asker, alert, "k").status_code == 200


def test_keys_of_two_programs_do_not_meet(asker, planner, alert) -> None:
    assert take(asker, alert, "k").status_code == 200
    assert take(planner, alert, "k").status_code == 409


def test_without_its_line_nothing_is_taken_and_no_answer_kept(asker, alert, monkeypatch) -> None:
    def fail(*args, **kwargs) -> None:
        raise RuntimeError

    asker.raise_request_exception = False
    monkeypatch.setattr(actions, "log", fail)
    assert take(asker, alert, "k").status_code == 500
    alert.refresh_from_db()
    assert (alert.status, told(alert), KeptAnswer.objects.count()) == ("open", 0, 0)
    assert not AuditEvent.objects.filter(event="alert.acknowledged").exists()


def test_kept_answers_are_forgotten_after_a_day(asker, alert) -> None:
    take(asker, alert, "k")
    assert forget_answers(timezone.now()) == 0
    assert forget_answers(timezone.now() + timedelta(hours=24, seconds=1)) == 1
