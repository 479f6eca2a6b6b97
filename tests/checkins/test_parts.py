"""Which questions are asked, the weekly part, corrections, versions, and whose clock it was."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.assessment import form_context
from apps.checkins.forms import CheckInForm
from apps.checkins.link_actions import CORRECTIONS, create_link
from apps.checkins.models import CheckIn, CheckInLink
from apps.clinical.questionnaires import LATEST, get_questionnaire
from tests.checkins.test_views import posted
from tests.factories import CALM, NOW, SEIZURE, check_in, make_patient, weekly

pytestmark = pytest.mark.django_db
NUMBERS = {
    "emergency": "911", "crisis": "988", "clinic_phone": "555-0100", "after_hours": "555-0199",
}  # fmt: skip


@pytest.fixture
def token(patient) -> str:
    found = create_link(patient=patient, by=None, now=timezone.now() - timedelta(hours=2))
    CheckInLink.objects.update(with_weekly=True)
    return found


def page_of(kind: str, context: dict) -> dict[str, dict]:
    form = CheckInForm(get_questionnaire(kind, 1), "en", NUMBERS, None, context)
    return {item["item"]: item for section in form.sections() for item in section["items"]}


@pytest.mark.parametrize(
    ("context", "asked"),
    [
        ({}, True),
        ({"last_supply_days": 7, "days_since_supply": 1}, True),
        ({"last_supply_days": 30, "days_since_supply": 7}, True),
        ({"last_supply_days": 30, "days_since_supply": 6}, False),
    ],
)
def test_supply_is_asked_weekly_or_when_it_was_low(context, asked) -> None:
    assert ("supply_days" in page_of("daily", context)) is asked


@pytest.mark.parametrize(
    ("context", "asked"),
    [({"age": 30}, True), ({"age": 11}, False), ({"age": 56}, False),
     ({"age": 30, "cannot_be_pregnant": True}, False)],
)  # fmt: skip
def test_pregnancy_is_asked_where_it_can_be(context, asked) -> None:
    assert ("pregnancy" in page_of("weekly", context)) is asked


def test_asq_is_asked_after_a_hint_or_once_a_month_else_when_phq_says_so() -> None:
    recent = {"last_si": "no", "days_since_asq": 3}
    assert page_of("weekly", recent)["asq_1"]["shown_when"] == "phq9_9:1 2 3"
    assert page_of("weekly", recent | {"last_si": "passive"})["asq_1"]["shown_when"] == ""
    assert page_of("weekly", recent | {"days_since_asq": 30})["asq_1"]["shown_when"] == ""
    assert (
        page_of("weekly", recent)["asq_5"]["shown_when"]
        == "asq_1:yes|asq_2:yes|asq_3:yes|asq_4:yes"
    )


def test_follow_ups_of_the_daily_form_name_the_answers_that_show_them() -> None:
    items = page_of("daily", {})
    assert items["dose_taken_mg"]["shown_when"] == "dose_taken:took_less took_extra"
    assert items["temp_c"]["shown_when"] == "red_flags:rf_fever"
    assert "yes_all" not in items["hours_since_last_dose"]["shown_when"]


def test_the_record_is_read_in_one_query(patient, django_assert_num_queries) -> None:
    check_in(patient, CALM | {"supply_days": 12}, now=NOW - timedelta(days=2))
    check_in(patient, CALM | {"si": "passive"}, now=NOW - timedelta(days=1))
    with django_assert_num_queries(1):
        found = form_context(patient, NOW)
    assert found == {
        "last_supply_days": 12, "days_since_supply": 2, "last_si": "passive", "age": 46,
    }  # fmt: skip


def test_the_weekly_questions_follow_the_daily_ones_once(token) -> None:
    weekly = reverse("checkins:weekly", args=[token])
    assert Client().get(weekly).status_code == 410
    done = Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    assert weekly in done.text
    page = Client().get(weekly)
    assert "Your week" in page.text
    assert "Spitzer" in page.text
    assert len(page.content) < 60_000
    data = {"phq9_9": "2", "gad7_1": "1", "submission_id": str(uuid4())}
    for _ in range(2):
        assert Client().post(weekly, data).status_code == 200
    first = CheckIn.objects.get(questionnaire="weekly")
    assert first.answers["phq9_9"] == 2
    assert Alert.objects.exists()
    # What is sent once more is kept as a correction of these, under whichever id.
    assert Client().post(weekly, data | {"gad7_1": "2"}).status_code == 200
    assert Client().post(weekly, data | {"submission_id": str(uuid4())}).status_code == 200
    assert CheckIn.objects.filter(corrects=first, questionnaire="weekly").count() == 2


def test_a_red_flag_in_weekly_questions_that_were_not_due_is_heard(patient) -> None:
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=False)
    url = reverse("checkins:weekly", args=[token])
    assert Client().post(url, {"gad7_1": "1"}).status_code == 200
    assert not CheckIn.objects.exists()  # only kept
    hint = {"phq9_9": "2", "submission_id": str(uuid4())}
    for _ in range(3):
        assert Client().post(url, hint).status_code == 200
    assert CheckInLink.objects.get().weekly_submission_id is None
    assert (CheckIn.objects.count(), Alert.objects.count()) == (1, 1)


def test_a_link_within_a_week_of_the_last_weekly_form_has_no_weekly_part(patient) -> None:
    weekly(patient, timezone.now() - timedelta(days=6), 1)
    token = create_link(patient=patient, by=None, now=timezone.now())
    done = Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    assert "weekly" not in done.text
    assert Client().get(reverse("checkins:weekly", args=[token])).status_code == 410


def test_a_correction_is_a_second_check_in_and_never_withdraws_an_alert(token) -> None:
    done = Client().post(reverse("checkins:create", args=[token]), posted(SEIZURE))
    url = reverse("checkins:correct", args=[token])
    assert url in done.text
    assert Client().get(url).status_code == 200
    assert Client().post(url, posted(CALM)).status_code == 200
    first, second = CheckIn.objects.order_by("received_at")
    assert (second.corrects, first.answers["seizure"]) == (first, "yes")
    alert = Alert.objects.get()
    assert alert.status == "open"
    assert alert.events.filter(text__contains="corrected these answers").count() == 1


def test_corrections_are_few_and_repeats_of_one_count_once(token) -> None:
    Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    url = reverse("checkins:correct", args=[token])
    for _ in range(CORRECTIONS):
        data = posted(CALM)
        assert Client().post(url, data).status_code == 200
        assert Client().post(url, data).status_code == 200
    page = Client().post(url, posted(CALM))
    assert "This link was used too often. We keep your answers as a note." in page.text
    assert CheckIn.objects.count() == 1 + CORRECTIONS


def test_a_link_that_was_not_used_corrects_nothing(token) -> None:
    assert Client().get(reverse("checkins:correct", args=[token])).status_code == 410


@pytest.mark.parametrize(
    ("ago", "kept"),
    [
        (timedelta(hours=1), True),
        (timedelta(days=365), False),  # a clock set to last year
        (timedelta(hours=-3), False),  # a clock that is ahead
    ],
)
def test_felt_and_reached_us_are_both_kept_where_the_clock_can_be_right(token, ago, kept) -> None:
    felt = timezone.now() - ago
    Client().post(
        reverse("checkins:create", args=[token]), posted(CALM, reported_at=felt.isoformat())
    )
    row = CheckIn.objects.get()
    assert (row.reported_at == felt) is kept
    if not kept:
        assert row.reported_at == row.received_at


@pytest.mark.parametrize("off", [timedelta(days=-365), timedelta(hours=5), timedelta(days=400)])
def test_a_wrong_clock_still_tells_how_long_the_answers_waited(token, off) -> None:
    felt, clock = timezone.now() - timedelta(hours=1), timezone.now() + off
    data = posted(
        CALM, reported_at=(felt + off).isoformat(), sent_at=clock.isoformat()
    )  # fmt: skip
    page = Client().post(reverse("checkins:create", args=[token]), data)
    assert abs(CheckIn.objects.get().reported_at - felt) < timedelta(seconds=5)
    assert "The clock on your phone seems to be wrong" in page.text


def test_a_clock_that_was_set_right_meanwhile_does_no_harm(token) -> None:
    wrong = timezone.now() - timedelta(days=365)
    data = posted(CALM, reported_at=wrong.isoformat(), sent_at=timezone.now().isoformat())
    Client().post(reverse("checkins:create", args=[token]), data)
    row = CheckIn.objects.get()
    assert row.reported_at == row.received_at


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T10:00:00", "9" * 500])
def test_a_time_that_cannot_be_read_is_no_error(token, text) -> None:
    page = Client().post(reverse("checkins:create", args=[token]), posted(CALM, reported_at=text))
    assert page.status_code == 200


@pytest.mark.parametrize("version", ["1", "2", "99", "", "x", "-1"])
def test_a_page_of_any_version_is_accepted(token, version) -> None:
    page = Client().post(reverse("checkins:create", args=[token]), posted(CALM, version=version))
    assert page.status_code == 200
    wanted = 1 if version == "1" else LATEST["daily"]
    assert CheckIn.objects.get().questionnaire_version == wanted


def test_spanish_weekly_page(clinic) -> None:
    patient = make_patient(clinic, language="es")
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=True)
    Client().post(reverse("checkins:create", args=[token]), posted(CALM))
    assert "Su semana" in Client().get(reverse("checkins:weekly", args=[token])).text
