"""When the next check-in of a patient is due, and when silence is judged: reads only."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from apps.checkins.assessment import context_from, plan_facts, profile_of
from apps.checkins.models import CheckIn, CheckInSchedule, Reminder, end_of_day
from apps.checkins.models.reminder import first_missed
from apps.clinical.aftercare import MONTH, check_in_every
from apps.clinical.cadence import (
    DAILY,
    WEEKLY,
    days_between_check_ins,
    silence_hours,
    weekly_form_is_due,
)
from apps.clinical.triage import Context, Profile
from apps.patients.models import Patient

# [proposal] The time a patient has before silence counts.
PATIENCE: Final = timedelta(hours=4)
# A day's first mail that is later than this (we were down) waits for the next day.
LATE_AT_MOST: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Window:
    """A due window that is not stored yet."""

    kind: str
    interval_days: int
    due_at: datetime
    closes_at: datetime
    replan_at: datetime


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a patient has said nothing although a check-in was due."""

    since: datetime
    overdue_since: datetime

    def hours(self, now: datetime) -> float:
        """Return the hours of silence, as the silence rules count them."""
        return max(0.0, (now - self.since).total_seconds() / 3600)


def standing_of(patient: Patient, now: datetime) -> tuple[Profile, Context, int | None]:
    """Return profile, context and days to the first cut, without the history of answers."""
    facts = plan_facts(patient, now)
    today = now.astimezone(patient.tz).date()
    to_first = (facts.first_cut_on - today).days if facts.first_cut_on else None
    profile = profile_of(patient, facts.drug_id, today)
    return profile, context_from(patient, facts.current, (), now), to_first


def last_complete(patient: Patient) -> datetime | None:
    """Return when the last check-in was felt that stops the clock; an incomplete one does not.

    By when it was answered, not by when a phone without network sent it: last week's answers tell
    nothing of today.
    """
    done = CheckIn.objects.stopping_the_clock().filter(patient=patient)
    return done.order_by("-reported_at").values_list("reported_at", flat=True).first()


def asked_every(
    patient: Patient, profile: Profile, context: Context, to_first: int | None, today: date
) -> int:
    """Return after how many days the next check-in is due.

    Daily in the fourteen days after a detox unit (INP-09), weekly and then monthly in the year
    after the last dose (PRO-05), and as risk and step ask where that is sooner.
    """
    usual = days_between_check_ins(profile, context, to_first)
    if patient.daily_until is not None and today <= patient.daily_until:
        return DAILY
    stopped = context.days_since_stop
    if stopped is None or usual < WEEKLY:
        return usual
    return check_in_every(stopped) or MONTH


def with_weekly(patient: Patient, day: date, interval: int) -> bool:
    """Answer whether a check-in of this day asks the weekly questions too, after the daily ones.

    By when the last ones were felt, and never by what came by a link too old or used too often.
    """
    own = CheckIn.objects.by_the_patient().filter(patient=patient, questionnaire="weekly")
    weekly = own.filter(may_calm=True).order_by("-reported_at")
    last = weekly.values_list("reported_at", flat=True).first()
    since = (day - last.astimezone(patient.tz).date()).days if last else None
    return weekly_form_is_due(since, interval)


def weekly_is_due(patient: Patient, now: datetime) -> bool:
    """Answer whether a check-in of now, asked for by hand, asks the weekly questions too."""
    return with_weekly(patient, now.astimezone(patient.tz).date(), DAILY)


def next_window(patient: Patient, schedule: CheckInSchedule, now: datetime) -> Window:
    """Return the window to wait in next, by cadence, last check-in and chosen local time."""
    profile, context, to_first = standing_of(patient, now)
    today = now.astimezone(patient.tz).date()
    interval = asked_every(patient, profile, context, to_first, today)
    previous = (
        Reminder.objects.filter(patient=patient, state=Reminder.State.MISSED)
        .order_by("-due_at")
        .first()
    )
    last = last_complete(patient)
    begin = max((moment for moment in (last, previous and previous.due_at) if moment), default=None)
    day = today if begin is None else begin.astimezone(patient.tz).date() + timedelta(interval)
    # Days that passed while nobody could ask are not asked about one by one.
    day = max(day, today)
    due_at = moment_on(day, schedule.remind_at, patient)
    if day == today and is_too_late(due_at, now, fresh=begin is None):
        day += timedelta(days=1)
        due_at = moment_on(day, schedule.remind_at, patient)
    return Window(
        kind=Reminder.Kind.WEEKLY if with_weekly(patient, day, interval) else Reminder.Kind.DAILY,
        interval_days=interval,
        due_at=due_at,
        closes_at=moment_on(day + timedelta(days=interval), schedule.remind_at, patient),
        replan_at=moment_on(today + timedelta(days=1), time(0, 1), patient),
    )


def sooner_close(live: Reminder, interval: int, remind_at: time, now: datetime) -> datetime:
    """Return when a window that is due already closes, once it is asked for every `interval` days.

    The next one opens then; never in the past, so that it comes at the usual time of day, and
    never later than it would have.
    """
    tz = live.patient.tz
    day = max(live.due_at.astimezone(tz).date() + timedelta(interval), now.astimezone(tz).date())
    closes_at = moment_on(day, remind_at, live.patient)
    if closes_at <= now:
        closes_at = moment_on(day + timedelta(1), remind_at, live.patient)
    return min(live.closes_at, closes_at)


def is_too_late(due_at: datetime, now: datetime, *, fresh: bool) -> bool:
    """Answer whether today's time has passed too long ago; for a new patient, at all."""
    return now > due_at + (timedelta(0) if fresh else LATE_AT_MOST)


def moment_on(day: date, local: time, patient: Patient) -> datetime:
    """Return a time on the patient's clock; an hour that a clock change skips comes after it."""
    return datetime.combine(day, local, tzinfo=patient.tz).astimezone(UTC)


def silence_of(patient: Patient, live: Reminder) -> Silence:
    """Return since when the patient is silent.

    Counted from the last complete check-in, but never from before the time at which the
    first unanswered window could have been answered: a patient who was asked once a week
    and has a step today has not been silent for the whole week.
    """
    last = last_complete(patient)
    # The live window by what is in hand, not by its row: it may just have been moved.
    overdue = min(
        first_missed(patient, last and end_of_day(last, patient.tz)) or live.due_at, live.due_at
    )
    expected = overdue - timedelta(days=live.interval_days)
    return Silence(max(last, expected) if last else expected, overdue)


def next_judgement(
    patient: Patient, live: Reminder, now: datetime, *, again: bool = False
) -> datetime | None:
    """Return when a silence rule may fire next, None when none will in this window.

    Never before the patient had `PATIENCE` after the first unanswered window's time.
    With `again` only moments after `now` count: the present one has just been judged.
    """
    profile, _, _ = standing_of(patient, now)
    silence = silence_of(patient, live)
    earliest = silence.overdue_since + PATIENCE
    moments = [max(silence.since + timedelta(hours=h), earliest) for h in silence_hours(profile)]
    if again:
        moments = [moment for moment in moments if moment > now]
    elif silence.overdue_since != live.due_at:
        # Silent since an earlier window: every window of it is looked at once more.
        moments.append(max(live.due_at + PATIENCE, earliest))
    return min(moments, default=None)


def context_of_silence(patient: Patient, live: Reminder, now: datetime) -> tuple[Profile, Context]:
    """Return what the silence rules judge."""
    profile, context, _ = standing_of(patient, now)
    hours = silence_of(patient, live).hours(now)
    return profile, replace(context, hours_since_checkin=round(hours, 2))
