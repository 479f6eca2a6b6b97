"""Check-ins through the API: judged and told as from the patient's own page."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert, Delivery
from apps.api import actions
from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckIn
from apps.tapers.models import PlanHold
from tests.factories import CALM, SEIZURE, make_active_plan, make_patient, put_on_call, today

pytestmark = pytest.mark.django_db


def sent(answers=CALM, **changes):
    plain = {key: list(v) if isinstance(v, tuple) else v for key, v in answers.items()}
    return {
        "questionnaire": "daily", "submission_id": str(uuid4()), "answers": plain, **changes,
    }  # fmt: skip


def send(asker, patient, body, key=None):
    return asker.sends(reverse("api:check_in", args=[patient.pk]), body, key)


def test_a_calm_check_in_is_stored_and_answered(asker, patient) -> None:
    answer = send(asker, patient, sent())
    assert answer.status_code == 201
    found = answer.json()
    assert (found["level"], found["is_complete"], found["alert_id"]) == ("none", True, None)
    stored = CheckIn.objects.get(pk=found["id"])
    assert (stored.patient, stored.reporter) == (patient, "patient")
    assert stored.answers["s_sleep"] == 1
    row = AuditEvent.objects.get(event="check_in.sent_in")
    assert (row.actor_id, row.details["program"]) == (
        asker.member.user_id, str(asker.program.pk),
    )  # fmt: skip


def test_a_red_flag_alerts_holds_and_advises_at_once(asker, patient, prescriber) -> None:
    put_on_call(asker.member, now=timezone.now())
    make_active_plan(patient, prescriber.user, start_on=today().isoformat())
    found = send(asker, patient, sent(SEIZURE)).json()
    alert = Alert.objects.get(pk=found["alert_id"])
    assert (found["level"], alert.level) == ("emergency", "emergency")
    assert Delivery.objects.filter(alert=alert, recipient=asker.member).exists()
    assert PlanHold.objects.open().exists()
    assert "911" in found["advice"][0]["text"]


@pytest.mark.parametrize(
    ("told", "version", "kept"),
    [("0.6 mL", None, "0.6 mL"), ("2 mg", 2, "2 mg"), (0.6, 2, 0.6), (0.6, 1, 0.6)],
)
def test_an_amount_is_sent_with_its_unit_and_an_old_form_without(
    asker, patient, told, version, kept
) -> None:
    answers = CALM | {"dose_taken": "took_less", "dose_taken_mg": told}
    more = {} if version is None else {"version": version}
    found = send(asker, patient, sent(answers, **more))
    assert found.status_code == 201
    stored = CheckIn.objects.get(pk=found.json()["id"])
    assert (stored.answers["dose_taken_mg"], stored.questionnaire_version) == (kept, version or 2)


def test_an_amount_of_two_units_is_refused_by_its_key(asker, patient) -> None:
    answers = CALM | {"dose_taken": "took_less", "dose_taken_mg": "0.6 mg mL"}
    found = send(asker, patient, sent(answers))
    assert (found.status_code, "mg or mL" in found.text) == (422, True)


def test_an_emergency_never_waits_for_the_other_answers(asker, patient) -> None:
    found = send(asker, patient, sent({"seizure": "yes"}) | {"answers": {"seizure": "yes"}})
    assert (found.status_code, found.json()["is_complete"]) == (201, False)
    mixed = send(asker, patient, sent({"seizure": True, "sezure": "yes"}))
    assert mixed.status_code == 201, "not even for a key that is mistyped"


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        ({"s_sleep": 11}, "answers.s_sleep"),
        ({"s_sleep": "x" * 4000}, "answers.s_sleep"),
        ({"s_sleep": 10**400}, "answers.s_sleep"),
        ({"si": "perhaps"}, "answers.si"),
        ({"s_slep": 3}, "answers.s_slep"),
        ({"red_flags": ["none", "no such"]}, "answers.red_flags"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_question(asker, patient, answers, field) -> None:
    answer = send(asker, patient, sent(CALM | answers))
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not CheckIn.objects.filter(patient=patient).exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 99}, {"questionnaire": "yearly"}, {"submission_id": "1"}, {"extra": 1},
        {"answers": {"si": {"a": 1}}}, {"answers": {}}, {"requests": ["fly"]},
    ],
)  # fmt: skip
def test_a_wrong_envelope_is_refused(asker, patient, changes) -> None:
    assert send(asker, patient, sent(**changes)).status_code == 422
    assert not CheckIn.objects.filter(patient=patient).exists()


def test_five_taps_make_one_check_in(asker, patient, clinic) -> None:
    body = sent(SEIZURE)
    answers = [send(asker, patient, body) for _ in range(3)]
    answers += [send(asker, patient, body, "k") for _ in range(2)]
    assert {answer.json()["id"] for answer in answers} == {
        str(CheckIn.objects.get(patient=patient).pk)
    }
    assert Alert.objects.filter(patient=patient).count() == 1
    assert AuditEvent.objects.filter(event="check_in.sent_in").count() == 1
    # The same id for somebody else, or for the weekly questions, is another check-in.
    assert send(asker, make_patient(clinic), body).status_code == 201
    assert CheckIn.objects.count() == 2


def test_other_answers_under_the_same_id_are_stored_and_alerted(asker, patient) -> None:
    calm = sent(CALM)
    first = send(asker, patient, calm).json()["id"]
    worse = calm | {"answers": sent(SEIZURE)["answers"]}
    found = {send(asker, patient, worse, key).json()["id"] for key in ("a", "b", "c")}
    assert len(found) == 1
    assert str(CheckIn.objects.get(pk=found.pop()).corrects_id) == first
    assert Alert.objects.filter(patient=patient).count() == 1
    assert AuditEvent.objects.filter(event="check_in.sent_in").count() == 2


def test_when_it_was_felt_and_what_was_asked_for_are_kept(asker, patient) -> None:
    felt = timezone.now() - timedelta(hours=3)
    body = sent(reported_at=felt.isoformat(), requests=["call_today"])
    stored = CheckIn.objects.get(pk=send(asker, patient, body).json()["id"])
    assert stored.reported_at == felt
    assert CareTask.objects.filter(patient=patient, kind="call_today").count() == 1
    future = (timezone.now() + timedelta(hours=3)).isoformat()
    later = CheckIn.objects.get(pk=send(asker, patient, sent(reported_at=future)).json()["id"])
    assert later.reported_at == later.received_at


def test_what_triage_finds_is_taken_at_any_age_and_calms_nothing(
    asker, patient, monkeypatch
) -> None:
    old = "2020-01-01T00:00:00Z"
    calm = send(asker, patient, sent(reported_at=old))
    assert (calm.status_code, calm.json()["counts"], calm.json()["level"]) == (201, False, "none")
    assert not CheckIn.objects.exists()
    monkeypatch.setattr("apps.checkins.kept_actions.KEPT_A_DAY", 1)
    body = sent(SEIZURE, reported_at=old)
    stored = CheckIn.objects.get(pk=send(asker, patient, body).json()["id"])
    assert send(asker, patient, body).json()["id"] == str(stored.pk)
    assert Alert.objects.get(patient=patient).level == "emergency"
    assert not stored.may_calm
    wish = send(asker, patient, sent(reported_at=old, requests=["call_today"]))
    assert wish.status_code == 201
    assert CareTask.objects.get(patient=patient).kind == "call_today"


def test_one_note_too_many_is_told_when_to_come_again_and_stored_then(
    asker, patient, monkeypatch
) -> None:
    old = sent(reported_at="2020-01-01T00:00:00Z")
    monkeypatch.setattr("apps.checkins.kept_actions.KEPT_A_DAY", 1)
    not_quite_a_day_ago = timezone.now() - timedelta(hours=23, minutes=55)
    with monkeypatch.context() as earlier:
        earlier.setattr("apps.api.acting.timezone.now", lambda: not_quite_a_day_ago)
        assert send(asker, patient, old).status_code == 201
    body = sent(CALM | {"s_fog": 2}, reported_at="2020-01-01T00:00:00Z")
    for _ in range(2):
        refused = send(asker, patient, body, "the same act")
        assert refused.status_code == 429
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"].endswith(":kept-enough")
        assert "nobody has seen them" in refused.json()["detail"]
        assert 200 < int(refused.headers["Retry-After"]) <= 300
    assert CheckIn.as_given.count() == 1
    late = timezone.now() + timedelta(seconds=int(refused.headers["Retry-After"]))
    monkeypatch.setattr("apps.api.acting.timezone.now", lambda: late)
    stored = send(asker, patient, body, "the same act")
    assert (stored.status_code, stored.json()["counts"]) == (201, False)
    assert "Idempotent-Replayed" not in stored.headers
    again = send(asker, patient, body, "the same act")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert CheckIn.as_given.count() == 2


def test_the_patients_language_is_kept(asker, clinic) -> None:
    patient = make_patient(clinic, language="es")
    found = send(asker, patient, sent(SEIZURE)).json()
    assert "Llame" in found["advice"][0]["text"]
    wrong = send(asker, patient, sent(CALM | {"si": "?"})).json()
    assert wrong["errors"][0]["message"]


def test_without_its_audit_row_nothing_is_stored(asker, patient, monkeypatch) -> None:
    def fail(*args, **kwargs) -> None:
        raise RuntimeError

    asker.raise_request_exception = False
    monkeypatch.setattr(actions, "record", fail)
    assert send(asker, patient, sent(SEIZURE)).status_code == 500
    assert not CheckIn.objects.filter(patient=patient).exists()
    assert not Alert.objects.filter(patient=patient).exists()


def test_the_questions_can_be_asked_for(asker) -> None:
    for kind in ("daily", "weekly"):
        found = asker.get(reverse("api:questionnaire", args=[kind])).json()
        assert found["questions"]
        assert all({"en", "es"} <= set(each["wording"]) for each in found["questions"])
    daily = asker.get(reverse("api:questionnaire", args=["daily"])).json()
    keys = {each["key"] for each in daily["questions"]}
    assert set(CALM) <= keys
    units = {each["key"]: each["units"] for each in daily["questions"] if each["units"]}
    assert (daily["version"], units) == (2, {"dose_taken_mg": ["mg", "mL"]})
    assert asker.get(reverse("api:questionnaire", args=["yearly"])).status_code == 404
