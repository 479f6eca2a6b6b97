"""Moving every due window whose clock has run out, from any process, as often as one likes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.checkins.models import CheckInSchedule, Reminder, SweepPlace
from apps.checkins.reminder_actions import (
    judge_silence,
    leave_in_peace,
    miss_window,
    plan_window,
    replan_window,
)
from apps.checkins.reminder_delivery import deliver_due, take_back
from apps.patients.models import Patient
from apps.patients.moving import Found, move_each
from apps.tapers.models import TaperPlan

logger = logging.getLogger(__name__)

BATCH: Final = 200
SLICE: Final = 2000  # patients looked at by one sweep: all of a clinic, some of a big installation
WAITING: Final = "waiting"
SENDING_SECONDS: Final = 8.0  # and one attempt more stay below Celery's time limit of a task
Move = Callable[[UUID, datetime], bool]


@dataclass(frozen=True, slots=True)
class ReminderReport:
    """How much one sweep moved."""

    left_in_peace: int
    leases_taken_back: int
    judged: int
    missed: int
    replanned: int
    planned: int


def ask_and_judge() -> None:
    """Move every clock that has run out and send what is due: one beat of any process."""
    sweep_reminders(timezone.now())
    deliver_due(timezone.now, seconds=SENDING_SECONDS)


def sweep_reminders(now: datetime) -> ReminderReport:
    """Move everything whose clock has run out; sends nothing.

    1. Leave in peace whoever is no longer active.
    2. Take back mails whose sender did not come back.
    3. Judge the silence of those who were asked, before their window closes.
    4. Close windows that are over, and plan the next ones.

    Several processes may sweep at once: each row is locked, looked at again, and moved by
    one of them.
    """
    rows = Reminder.objects
    return ReminderReport(
        left_in_peace=each(rows.to_be_left_in_peace(), leave_in_peace, now),
        leases_taken_back=each(rows.lease_expired(now), take_back, now),
        judged=each(rows.judge_due(now), judge_silence, now),
        missed=each(rows.over(now), miss_window, now),
        replanned=each(rows.replan_due(now), replan_window, now),
        planned=plan_a_slice(now),
    )


def plan_a_slice(now: datetime) -> int:
    """Plan windows for the next patients in line who have none; return for how many.

    Looking at every patient at each beat would cost more with each patient of the
    installation; a slice costs the same with a hundred thousand. A row holds the place, so
    that the next beat, in whatever process, goes on from there and begins again at the end.
    Nobody waits for this: a first window is planned hours before it is due.
    """
    place, _ = SweepPlace.objects.get_or_create(name=WAITING)
    patients = Patient.objects.order_by("pk").values_list("pk", flat=True)
    rest = patients.filter(pk__gt=place.after) if place.after else patients
    last = next(iter(rest[SLICE - 1 : SLICE]), None)
    waiting = waiting_for_a_window()
    if place.after:
        waiting = waiting.filter(pk__gt=place.after)
    if last:
        waiting = waiting.filter(pk__lte=last)
    found = list(waiting.values_list("pk", "clinic_id")[:BATCH])
    # A full batch may have left somebody behind it.
    reached = found[-1][0] if len(found) == BATCH else last
    if reached != place.after:
        SweepPlace.objects.filter(name=WAITING).update(after=reached)
    return move_all(found, plan_window, now)


def waiting_for_a_window() -> QuerySet[Patient]:
    """Return followed patients without a live window.

    They are on an active plan, enrolled before, or home from a detox unit and asked every day:
    a discharge leaves the plan of before, and some come home who never had one here.
    """
    own = OuterRef("pk")
    followed = (
        Exists(CheckInSchedule.objects.filter(patient=own))
        | Exists(TaperPlan.objects.active().filter(patient=own))
        | Q(daily_until__isnull=False)
    )
    waiting = ~Exists(Reminder.objects.live().filter(patient=own))
    active = Patient.objects.filter(status=Patient.Status.ACTIVE)
    return active.filter(waiting).filter(followed).order_by("pk")


def each(rows: QuerySet[Reminder], move: Move, now: datetime) -> int:
    """Move up to a batch of windows."""
    return move_all(rows.values_list("pk", "clinic_id")[:BATCH], move, now)


def move_all(found: Found, move: Move, now: datetime) -> int:
    """Move these windows."""
    return move_each(found, move, now, logger, "reminders: %s could not be moved")
