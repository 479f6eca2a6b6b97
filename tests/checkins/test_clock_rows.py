"""Clocks are rows: a restart at any second neither loses nor repeats one, in any time zone."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.conf import settings

from apps.alerts.models import Alert
from apps.checkins.models import CheckInSchedule, Reminder
from apps.checkins.reminder_actions import plan_window
from apps.checkins.windows import moment_on
from apps.patients.models import Patient
from tests.checkins.conftest import Clock, live, run
from tests.factories import CALM, check_in, make_active_plan, make_patient

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
# Where the clocks change in the nights that follow, forward and back, and where they never do.
ZONES = [
    ("America/New_York", datetime(2027, 3, 12, 22, 0, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 30, 22, 0, tzinfo=UTC)),
    ("Europe/Madrid", datetime(2027, 3, 26, 22, 0, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2027, 4, 2, 22, 0, tzinfo=UTC)),  # by half an hour
    ("Asia/Kathmandu", datetime(2027, 3, 12, 22, 0, tzinfo=UTC)),
    ("America/St_Johns", datetime(2027, 3, 12, 22, 0, tzinfo=UTC)),  # half an hour off, and back
    ("Pacific/Kiritimati", datetime(2027, 3, 12, 22, 0, tzinfo=UTC)),  # 14 hours ahead
    ("Pacific/Pago_Pago", datetime(2027, 3, 12, 22, 0, tzinfo=UTC)),  # 11 hours behind
]


def daily(clinic, prescriber, at: datetime, zone: str, **more: object) -> Patient:
    """Return a high-risk patient of a zone, daily since a cut, who is asked at nine."""
    patient = make_patient(
        clinic, now=at, risk={"prior_wd_seizure": True}, email="z@home.example", time_zone=zone,
        **more,
    )  # fmt: skip
    start = (at.date() - timedelta(days=20)).isoformat()
    make_active_plan(patient, prescriber.user, now=at, start_on=start)
    CheckInSchedule.objects.create(patient=patient, remind_at=time(9), started_at=at)
    return patient


@pytest.mark.parametrize(("zone", "at"), ZONES)
def test_five_days_around_a_clock_change_are_five_windows_at_nine(
    clinic, prescriber, mail, zone, at
) -> None:
    patient = daily(clinic, prescriber, at, zone)
    clock = Clock(at)
    for _ in range(5 * 24):
        clock.tick(hours=1)
        if patient.reminders.filter(state="sent").exists():
            check_in(patient, CALM, now=clock())  # after the second mail of each day
    windows = patient.reminders.exclude(state__in=["cancelled"]).order_by("due_at")
    local = [row.due_at.astimezone(ZoneInfo(zone)) for row in windows]
    assert {moment.strftime("%H:%M") for moment in local} == {"09:00"}
    days = [moment.date() for moment in local]
    assert days == [days[0] + n * DAY for n in range(len(days))]
    assert len(days) >= 5
    answered = windows.filter(state="answered").count()
    assert len(mail.messages) == 2 * answered + sum(row.mails_sent for row in windows.live())
    assert not Alert.objects.exists()


def odd_nights(zone: ZoneInfo) -> set[date]:
    """Return the days beside each change of a zone's clocks in two years, and one plain day."""

    def offset(day: int) -> timedelta | None:
        return (datetime(2026, 1, 1, 12, tzinfo=UTC) + day * DAY).astimezone(zone).utcoffset()

    weeks = [week for week in range(0, 730, 7) if offset(week) != offset(week + 7)]
    changed = [
        day for week in weeks for day in range(week, week + 7) if offset(day) != offset(day + 1)
    ]
    return {date(2026, 7, 1)} | {
        date(2026, 1, 1) + (day + n) * DAY for day in changed for n in (-1, 0, 1, 2)
    }


def test_a_window_of_any_zone_opens_once_a_day_and_lasts_about_one() -> None:
    zones = [name for name in sorted(available_timezones()) if "/" in name]
    assert len(zones) > 400
    for name in zones:
        patient = Patient(time_zone=name)
        for day in odd_nights(patient.tz):
            for local in (time(0, 0), time(0, 30), time(2, 30), time(9, 0), time(23, 30)):
                due, closes = (moment_on(day + n * DAY, local, patient) for n in (0, 1))
                there, wanted = due.astimezone(patient.tz), datetime.combine(day, local)
                late = there.replace(tzinfo=None) - wanted
                # An hour that the clocks skip comes after it; every other is itself.
                assert timedelta(0) <= late <= timedelta(hours=2), (name, day, local)
                if late:
                    exists = wanted.replace(tzinfo=patient.tz).astimezone(UTC)
                    assert exists.astimezone(patient.tz).replace(tzinfo=None) != wanted
                assert abs(closes - due - DAY) <= timedelta(hours=2), (name, day, local)


@pytest.mark.parametrize("stop", range(0, 24 * 60, 97))
def test_a_restart_at_any_minute_neither_loses_nor_repeats(clinic, prescriber, mail, stop) -> None:
    at = datetime(2027, 3, 13, 22, 0, tzinfo=UTC)  # the clocks go forward in this night
    daily(clinic, prescriber, at, "America/New_York")
    clock = Clock(at)
    run(clock)
    for moment in (at + timedelta(minutes=stop), at + timedelta(minutes=stop + 40), at + DAY):
        clock.time = moment  # nothing ran in between: every process was down
        run(clock)
        run(clock)
    (window,) = Reminder.objects.filter(due_at__lt=clock())
    # The second mail needs its hours after the first; who was down all day sends one.
    assert window.mails_sent in (1, 2)
    assert len(mail.messages) == window.mails_sent


def test_the_weekly_window_keeps_its_hour_across_a_clock_change(clinic, prescriber) -> None:
    at = datetime(2027, 3, 10, 15, 0, tzinfo=UTC)
    patient = daily(clinic, prescriber, at, "America/New_York")
    patient.risk.tier = "low"
    patient.risk.save(update_fields=["tier"])
    check_in(patient, CALM, now=at)
    plan_window(patient.pk, at)
    window = live(patient)
    due = window.due_at.astimezone(ZoneInfo("America/New_York"))
    assert (window.interval_days, due.strftime("%m-%d %H:%M")) == (7, "03-17 09:00")
    assert window.due_at - at == timedelta(days=7) - timedelta(hours=2)


def test_two_patients_of_one_clinic_are_asked_at_their_own_nine(clinic, prescriber) -> None:
    at = datetime(2027, 1, 11, 2, 0, tzinfo=UTC)
    for zone, due in (("America/Los_Angeles", "17:00"), ("Europe/Madrid", "08:00")):
        patient = daily(clinic, prescriber, at, zone)
        plan_window(patient.pk, at)
        assert f"{live(patient).due_at:%H:%M}" == due


def test_who_is_to_be_left_in_peace_waits_less_than_a_minute_for_it(high, clock, mail) -> None:
    beat = settings.CELERY_BEAT_SCHEDULE["send-reminders"]
    assert beat["schedule"] <= 30
    run(clock)
    due = live(high).due_at
    for status in ("paused", "in_hospital", "ended", "deceased"):
        Patient.objects.filter(pk=high.pk).update(status="active")
        clock.time = due - timedelta(seconds=1)
        run(clock)
        Patient.objects.filter(pk=high.pk).update(status=status)
        clock.tick(seconds=beat["schedule"])
        assert not Reminder.objects.live().filter(patient=high).exists(), status
    assert mail.messages == []
