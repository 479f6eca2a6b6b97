"""Days are counted where the patient is, by when answers were felt: travel and old phones too."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.checkins.models import CareTask, Reminder, end_of_day
from apps.detox.aftercare_clocks import restart_seen, silence_seen
from apps.detox.clocks import is_day_of_contact, sweep_detox
from apps.patients.models import Patient
from apps.tapers.today import midnight
from tests.detox.test_discharge import HOME, go_home
from tests.factories import CALM, NOW, check_in, make_active_plan, make_stay

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
LAST = NOW.date()
ZONES = ["Pacific/Auckland", "Pacific/Kiritimati", "Pacific/Honolulu", "America/New_York", "UTC"]
zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.integers(0, 700 * 24 * 60).map(lambda minutes: NOW + timedelta(minutes=minutes))


@given(begun=moments, days=st.integers(0, 20), tz=zones, other=zones)
def test_no_zone_asks_of_the_day_of_the_discharge_or_after_the_last_one(
    begun: datetime, days: int, tz: ZoneInfo, other: ZoneInfo
) -> None:
    until = begun.astimezone(tz).date() + 14 * DAY
    for zone in (tz, other):
        first = begun.astimezone(zone).date()
        day = first + days * DAY
        assert is_day_of_contact(day, begun, until, zone) == (days > 0 and day <= until)


@given(at=moments, tz=zones, other=zones)
def test_a_moment_lies_in_its_day_in_every_zone_and_never_two_days_off(
    at: datetime, tz: ZoneInfo, other: ZoneInfo
) -> None:
    for zone in (tz, other):
        assert midnight(at.astimezone(zone).date(), zone) <= at <= end_of_day(at, zone)
    assert abs(at.astimezone(tz).date() - at.astimezone(other).date()) <= 2 * DAY


def travel(patient: Patient, zone: str) -> None:
    Patient.objects.filter(pk=patient.pk).update(time_zone=zone)
    patient.refresh_from_db()
    patient.__dict__.pop("tz", None)


@pytest.fixture
def home(patient, prescriber) -> Patient:
    make_active_plan(patient, prescriber.user)
    go_home(make_stay(patient, prescriber.user), prescriber)
    patient.refresh_from_db()
    return patient


def missed_days() -> list[tuple[str, str]]:
    rows = CareTask.objects.filter(kind="day_missed").order_by("created_at")
    return list(rows.values_list("kind", "outcome"))


@pytest.mark.parametrize("zone", ZONES)
def test_a_check_in_of_yesterday_is_heard_wherever_the_patient_flew_since(home, zone) -> None:
    at = HOME + 3 * DAY
    check_in(home, CALM, now=at)
    travel(home, zone)
    for hours in range(0, 24, 3):
        now = at + hours * HOUR
        assert now.astimezone(ZoneInfo(zone)).date() - at.astimezone(ZoneInfo(zone)).date() <= DAY
        sweep_detox(now)
    assert missed_days() == []


@pytest.mark.parametrize("zone", ZONES)
def test_silence_in_the_days_after_a_stay_is_a_task_in_every_zone_and_one_for_each_day(
    home, zone
) -> None:
    travel(home, zone)
    assert sweep_detox(HOME + 3 * DAY + HOUR).days == 1
    travel(home, "Pacific/Honolulu")
    assert sweep_detox(HOME + 3 * DAY + 2 * HOUR).days == 0, "the one of that day is open"
    assert missed_days() == [("day_missed", "")]


def test_answers_of_last_week_end_no_task_of_yesterday(home) -> None:
    late = HOME + 6 * DAY
    sweep_detox(late)
    check_in(home, CALM, now=late + HOUR, felt_at=HOME + 2 * DAY)
    sweep_detox(late + 2 * HOUR)
    assert missed_days() == [("day_missed", "")]
    check_in(home, CALM, now=late + 3 * HOUR, felt_at=late - 10 * HOUR)
    sweep_detox(late + 4 * HOUR)
    assert missed_days() == [("day_missed", "overtaken")], "kept on the phone since yesterday"


def off(patient: Patient, zone: str) -> Patient:
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=LAST)
    travel(patient, zone)
    return patient


def missed(patient: Patient, day: date) -> Any:
    """Return a check-in that was asked for on this day, at nine where the patient is."""
    due = datetime.combine(day, time(9), patient.tz)
    return Reminder.objects.create(
        clinic=patient.clinic, patient=patient, kind="weekly", interval_days=7, state="missed",
        created_at=due, due_at=due, closes_at=due + 7 * DAY, replan_at=due, ended_at=due + 7 * DAY,
    ).pk  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_two_days_missed_after_the_last_dose_are_silence_in_every_zone(patient, zone) -> None:
    """The first morning after the last dose counts in the east, its own morning nowhere."""
    off(patient, zone)
    missed(patient, LAST)
    first = missed(patient, LAST + DAY)
    assert silence_seen(patient, LAST) is None
    missed(patient, LAST + 8 * DAY)
    assert silence_seen(patient, LAST) == first


@pytest.mark.parametrize("zone", ZONES)
def test_an_answer_of_that_day_is_heard_and_one_kept_for_weeks_is_not(patient, zone) -> None:
    off(patient, zone)
    first = missed(patient, LAST + 7 * DAY)
    missed(patient, LAST + 14 * DAY)
    now = NOW + 15 * DAY
    check_in(patient, CALM, now=now, felt_at=NOW + 2 * DAY)
    assert silence_seen(patient, LAST) == first, "felt before both"
    at_noon = datetime.combine(LAST + 7 * DAY, time(12), patient.tz)
    check_in(patient, CALM, now=now + HOUR, felt_at=at_noon)
    assert silence_seen(patient, LAST) is None, "felt on the day of the first"


@pytest.mark.parametrize("zone", ZONES)
def test_a_change_of_zone_between_the_two_neither_hides_nor_invents_silence(patient, zone) -> None:
    off(patient, "America/New_York")
    check_in(patient, CALM, now=NOW + 6 * DAY)
    first = missed(patient, LAST + 8 * DAY)
    travel(patient, zone)
    assert silence_seen(patient, LAST) is None
    missed(patient, LAST + 15 * DAY)
    assert silence_seen(patient, LAST) == first


@pytest.mark.parametrize("zone", ZONES)
def test_a_dose_told_the_morning_after_is_seen_and_one_of_that_day_is_not(patient, zone) -> None:
    off(patient, zone)
    took = CALM | {"other_drugs": "street"}
    evening = datetime.combine(LAST, time(23), patient.tz)
    check_in(patient, took, now=evening)
    assert restart_seen(patient, LAST) is None
    row = check_in(patient, took, now=evening + 2 * HOUR)
    assert restart_seen(patient, LAST) == row.pk
