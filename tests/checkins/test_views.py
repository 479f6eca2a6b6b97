"""What the patient sees: the form, the advice, and what a broken link says."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.actions import LINK_LIFETIME, create_link
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


def test_a_head_request_uses_nothing_up(url) -> None:
    Client().head(url)
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
    assert "has been told" not in page
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


def test_a_used_link_says_so(url) -> None:
    Client().post(url, posted(CALM))
    assert Client().get(url).status_code == 410
    again = Client().post(url, posted(SEIZURE))
    assert again.status_code == 410
    assert "sent already" in again.text


def test_an_expired_link_says_so_and_gives_the_number(patient) -> None:
    page = Client().get(url_for(patient, age=LINK_LIFETIME))
    assert page.status_code == 410
    assert "too old" in page.text
    assert patient.clinic.phone in page.text


def test_a_page_opened_in_time_may_be_sent_a_little_late(patient) -> None:
    page = Client().post(url_for(patient, age=LINK_LIFETIME + timedelta(hours=1)), posted(CALM))
    assert page.status_code == 200


def test_long_after_its_time_a_link_takes_nothing(patient) -> None:
    page = Client().post(url_for(patient, age=LINK_LIFETIME + timedelta(hours=13)), posted(CALM))
    assert page.status_code == 410


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
    assert page.status_code in (400, 413)


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
