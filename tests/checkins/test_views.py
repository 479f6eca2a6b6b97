"""What the patient sees: the form, the advice, and what a broken link says."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.link_actions import (
    KEPT_AT_MOST,
    LINK_LIFETIME,
    create_link,
    revoke_links,
)
from apps.checkins.models import CheckIn, CheckInLink
from tests.conftest import signed_in
from tests.factories import CALM, SEIZURE, make_patient, put_on_call

pytestmark = pytest.mark.django_db


def url_for(patient, *, age: timedelta = timedelta()) -> str:
    token = create_link(patient=patient, by=None, now=timezone.now() - age)
    return reverse("checkins:create", args=[token])


@pytest.fixture
def url(patient) -> str:
    return url_for(patient)


def posted(answers: dict, **extra: object) -> dict:
    values = {key: list(v) if isinstance(v, tuple) else v for key, v in answers.items()}
    return values | {"submission_id": str(uuid4())} | extra


def test_opening_a_link_changes_nothing_and_shows_nothing_of_the_patient(url, patient) -> None:
    for _ in range(3):  # a mail scanner, twice, then the patient
        page = Client().get(url)
        assert page.status_code == 200
    for word in (patient.given_name, patient.family_name, patient.reference, "clonazepam"):
        assert word.lower() not in page.text.lower()
    assert CheckInLink.objects.get().used_at is None


def test_a_head_request_is_answered_and_uses_nothing_up(url) -> None:
    assert Client().head(url).status_code == 200
    assert CheckInLink.objects.get().used_at is None


def test_a_seizure_gets_advice_with_the_clinics_numbers_at_once(url, nurse) -> None:
    put_on_call(nurse, now=timezone.now())
    page = Client().post(url, posted(SEIZURE))
    assert page.status_code == 200
    assert "Call 911 now" in page.text
    assert "tel:911" in page.text
    assert "We are telling the person on call now" in page.text
    assert Alert.objects.get().level == "emergency"


def test_with_nobody_to_tell_the_patient_is_not_told_that_somebody_was(url) -> None:
    page = Client().post(url, posted(SEIZURE))
    assert "We could not reach anyone at the clinic yet" in page.text
    assert "care team has been told" not in page.text
    assert "We are telling" not in page.text


def test_the_advice_is_in_the_page_before_anything_is_sent(url) -> None:
    page = Client().get(url).text
    assert "A seizure can happen again" in page
    # ... and does not claim what is not so yet.
    assert "team has been told" not in page
    assert "Nothing is sent yet" in page


def test_a_calm_check_in_is_thanked(url) -> None:
    page = Client().post(url, posted(CALM))
    assert "Keep taking your dose as planned" in page.text


def test_spanish_speakers_read_spanish(clinic) -> None:
    page = Client().get(url_for(make_patient(clinic, language="es")))
    assert "convuls" in page.text.lower()
    assert 'lang="es"' in page.text


def test_missing_answers_are_named_beside_the_question_and_nothing_is_lost(url) -> None:
    answers = {key: value for key, value in CALM.items() if key not in ("si", "red_flags")}
    page = Client().post(url, posted(answers | {"s_anx": 2}))
    assert page.status_code == 422
    assert "Please choose an answer." in page.text
    assert 'id="i-s_anx-2" name="s_anx" value="2" checked' in page.text
    assert not CheckIn.objects.exists()
    assert CheckInLink.objects.get().used_at is None


def test_an_incomplete_form_with_a_red_flag_is_stored_and_alerts(url) -> None:
    page = Client().post(url, posted({"seizure": "yes"}))
    assert page.status_code == 200
    assert "Call 911 now" in page.text
    assert CheckIn.objects.get().is_complete is False
    assert Alert.objects.count() == 1


def test_sending_twice_shows_the_same_page_and_stores_once(url) -> None:
    data = posted(SEIZURE)
    first, second = Client().post(url, data), Client().post(url, data)
    assert first.status_code == second.status_code == 200
    assert "Call 911 now" in second.text
    assert (CheckIn.objects.count(), Alert.objects.count()) == (1, 1)


def test_a_used_link_says_so_and_leads_to_a_correction(url) -> None:
    Client().post(url, posted(CALM))
    page = Client().get(url)
    assert page.status_code == 410
    assert "sent already" in page.text
    assert url + "correct/" in page.text


def test_answers_by_a_used_link_are_kept_as_a_correction_and_judged(url) -> None:
    Client().post(url, posted(CALM))
    again = Client().post(url, posted(SEIZURE))
    assert "Call 911 now" in again.text
    first, second = CheckIn.objects.order_by("received_at")
    assert second.corrects == first
    assert Alert.objects.get().source_id == second.pk


def test_an_expired_link_says_so_and_gives_the_number(patient) -> None:
    page = Client().get(url_for(patient, age=LINK_LIFETIME))
    assert page.status_code == 410
    assert "too old" in page.text
    assert patient.clinic.phone in page.text


def test_answers_kept_on_a_phone_without_network_are_taken_days_later(patient) -> None:
    url, now = url_for(patient, age=LINK_LIFETIME + timedelta(days=3)), timezone.now()
    felt = now - timedelta(days=3, hours=1)
    data = posted(SEIZURE, reported_at=felt.isoformat(), sent_at=now.isoformat())
    assert Client().post(url, data).status_code == 200
    assert abs(CheckIn.objects.get().reported_at - felt) < timedelta(seconds=5)


def test_a_phone_may_keep_answers_for_two_weeks_and_no_longer(patient) -> None:
    url, now = url_for(patient, age=LINK_LIFETIME + KEPT_AT_MOST), timezone.now()
    felt = now - KEPT_AT_MOST - timedelta(hours=2)
    data = posted(CALM, reported_at=felt.isoformat(), sent_at=now.isoformat())
    assert Client().post(url, data).status_code == 200
    assert not CheckIn.objects.exists()
    assert CheckIn.as_given.get().reported_at < now - KEPT_AT_MOST


def test_what_was_saved_is_named_and_nothing_else_counts_as_saved(url) -> None:
    data = posted(CALM)
    assert Client().post(url, data).headers["Checkin-Saved"] == data["submission_id"]
    for page in (Client().get(url), Client().post(url, posted({"seizure": "no"}))):
        assert "Checkin-Saved" not in page.headers


def test_no_cookie_is_needed_and_none_is_set(url) -> None:
    client = Client(enforce_csrf_checks=True)
    assert client.get(url).status_code == 200
    assert client.post(url, posted(CALM)).status_code == 200
    assert not client.cookies


def test_urgent_answers_go_out_at_once_when_the_patient_wants_it(url) -> None:
    wish = posted({"si": "passive"})
    assert Client().post(url, wish).status_code == 422
    page = Client().post(url, wish | {"at_once": "1"})
    assert "Some questions are still open" in page.text
    assert CheckIn.objects.get().is_complete is False
    assert Alert.objects.get().level == "urgent"


def test_a_wish_to_send_at_once_does_not_excuse_missing_answers(url) -> None:
    assert Client().post(url, posted({"seizure": "no"}, at_once="1")).status_code == 422


@pytest.mark.parametrize(
    "text",
    ["I feel 😵‍💫 and 🥶", "أشعر بدوار شديد", "zero\u200bwidth", "a\x00b", "\u202eevil", "x" * 500],
)
def test_any_text_is_kept_word_for_word(patient, text: str) -> None:
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=True)
    Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    page = Client().post(
        reverse("checkins:weekly", args=[token]), {"note": text, "submission_id": str(uuid4())}
    )
    assert page.status_code == 200
    stored = CheckIn.objects.get(questionnaire="weekly").answers["note"]
    assert stored == text.replace("\x00", "")


def test_too_long_a_note_is_told_beside_it_and_stays(patient) -> None:
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=True)
    Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    page = Client().post(reverse("checkins:weekly", args=[token]), {"note": "words " * 100})
    assert page.status_code == 422
    assert 'id="e-note"' in page.text
    assert "words words words" in page.text


def test_a_foreign_submission_id_neither_shows_nor_takes_anything(patient, other_patient) -> None:
    data = posted(SEIZURE)
    Client().post(url_for(other_patient), data)
    page = Client().post(url_for(patient), data | {"seizure": "no"})
    assert page.status_code == 200
    assert "Call 911 now" not in page.text
    assert CheckIn.objects.filter(patient=patient).count() == 1


def test_answers_to_a_link_that_nobody_knows_are_shown_again() -> None:
    page = Client().post("/c/forged/", posted(SEIZURE))
    assert page.status_code == 404
    assert "We do not know this link" in page.text
    assert "Did you have a seizure" in page.text


def test_a_page_opened_in_time_may_be_sent_a_little_late(patient) -> None:
    page = Client().post(url_for(patient, age=LINK_LIFETIME + timedelta(hours=1)), posted(CALM))
    assert page.status_code == 200


def test_long_after_its_time_a_link_counts_no_calm_answers(patient, monkeypatch) -> None:
    url = url_for(patient, age=LINK_LIFETIME + timedelta(hours=13))
    page = Client().post(url, posted(CALM))
    assert "This link is too old. We keep your answers as a note." in page.text
    assert not CheckIn.objects.exists()
    monkeypatch.setattr("apps.checkins.kept_actions.KEPT_A_DAY", 1)
    page = Client().post(url, posted(CALM))
    assert page.status_code == 429
    assert page.headers["Checkin-Refused"] == "enough"
    # ... and nothing that was typed is lost.
    assert "Nobody has seen the answers below" in page.text
    assert "Did you have a seizure" in page.text
    assert patient.clinic.phone in page.text


@pytest.mark.parametrize("days", [3, 60])
def test_a_red_flag_is_heard_however_late_its_link(patient, days: int) -> None:
    url = url_for(patient, age=timedelta(days=days))
    page = Client().post(url, posted(SEIZURE))
    assert page.status_code == 200
    assert "Call 911 now" in page.text
    assert Alert.objects.get().level == "emergency"
    again = Client().post(url, posted(SEIZURE))
    assert again.status_code == 200
    assert CheckIn.objects.filter(corrects__isnull=False).count() == 1


def test_a_link_of_a_lost_phone_raises_nothing(patient) -> None:
    url = url_for(patient)
    revoke_links(patient, timezone.now())
    assert Client().post(url, posted(SEIZURE)).status_code == 404
    assert not CheckIn.objects.exists()
    assert not Alert.objects.exists()


@pytest.mark.parametrize("path", ["", "correct/"])
def test_other_answers_under_the_same_id_are_no_repeat(url, path: str) -> None:
    calm = posted(CALM)
    Client().post(url, calm)
    page = Client().post(url + path, posted(SEIZURE, submission_id=calm["submission_id"]))
    assert page.status_code == 200
    assert page.headers["Checkin-Saved"] == calm["submission_id"]
    assert "Call 911 now" in page.text
    assert (CheckIn.objects.count(), Alert.objects.count()) == (2, 1)


def test_a_correction_by_a_link_that_was_not_used_is_its_first_check_in(url) -> None:
    assert Client().post(url + "correct/", posted(SEIZURE)).status_code == 200
    assert CheckIn.objects.get().corrects is None
    assert CheckInLink.objects.get().used_at is not None


@pytest.mark.parametrize(
    ("felt", "sent"),
    [
        ("0001-01-01T00:00:00+00:00", "9999-12-31T23:00:00+00:00"),
        ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_clock_beyond_all_bounds_loses_no_seizure(url, felt: str, sent: str) -> None:
    page = Client().post(url, posted(SEIZURE, reported_at=felt, sent_at=sent))
    assert page.status_code == 200
    row = CheckIn.objects.get()
    assert row.reported_at == row.received_at
    assert Alert.objects.exists()


@pytest.mark.parametrize("token", ["x", "0" * 43, "%00", "../../etc", "é"])
def test_a_forged_link_is_a_clear_404(token: str) -> None:
    page = Client().get(f"/c/{token}/")
    assert page.status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("s_anx", "9"), ("s_anx", "-1"), ("s_anx", "1.5"), ("seizure", "maybe"),
        ("si", "<script>"), ("red_flags", "nonsense"), ("alcohol_drinks", "many"),
    ],
)  # fmt: skip
def test_a_value_off_the_scale_is_told_beside_its_question(url, field: str, value: str) -> None:
    page = Client().post(url, posted(CALM | {field: value}))
    assert page.status_code == 422
    assert f'id="e-{field}"' in page.text
    assert "<script>" not in page.text.replace("<script src", "")
    assert not CheckIn.objects.exists()


def test_a_broken_submission_id_is_not_an_error(url) -> None:
    assert Client().post(url, posted(CALM, submission_id="not-a-uuid")).status_code == 200


def test_a_flood_of_text_is_refused_without_an_error_page_of_ours_breaking(url) -> None:
    page = Client().post(url, posted(CALM, junk="x" * 10_000_000))
    assert page.status_code == 413
    assert "That was too much text" in page.text
    assert not CheckIn.objects.exists()


def test_the_page_is_light(url) -> None:
    assert len(Client().get(url).content) < 60_000


def test_staff_make_a_link_and_see_it_once(nurse, patient) -> None:
    page = signed_in(nurse).post(reverse("checkins:link_create", args=[patient.pk]))
    assert "/c/" in page.text
    assert CheckInLink.objects.get().created_by == nurse.user


def test_the_patients_page_may_not_be_kept_or_framed(url) -> None:
    headers = Client().get(url).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"
    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


def test_the_app_and_its_worker_know_no_patient() -> None:
    page = Client().get("/c/")
    assert page.status_code == 200
    assert "Open the link in your newest message" in page.text
    manifest = Client().get("/c/app.webmanifest", headers={"accept-language": "es"})
    assert manifest.headers["Content-Type"] == "application/manifest+json"
    assert (manifest.json()["scope"], manifest.json()["lang"]) == ("/c/", "es")
    worker = Client().get("/c/worker.js")
    assert worker.headers["Content-Type"].startswith("text/javascript")
    assert "js/worker.js" in worker.text
    assert "css/patient.css" in worker.text
    for path in ("/c/", "/c/worker.js", "/c/app.webmanifest"):
        assert Client().post(path).status_code == 405
