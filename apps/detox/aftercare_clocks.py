"""What the clocks of the year after the last dose move: its beginning, what calls for a look."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value

from apps.checkins.clock_tasks import open_clock_task
from apps.checkins.models import CareTask, CheckIn, Reminder, end_of_day
from apps.checkins.models.reminder import ReminderQuerySet
from apps.checkins.task_ends import SILENCE, SILENT, SILENT_AGAIN
from apps.checkins.windows import last_complete
from apps.clinical.aftercare import MONTHLY_UNTIL_DAY
from apps.clinical.restarts import TOLD_BY, tells_of_taking
from apps.detox.models import Restart
from apps.detox.outcome import weighing_of
from apps.detox.referral_actions import locked
from apps.detox.restart_actions import QUESTIONS, end_questions, goes_on, looks_of
from apps.detox.told_anew import dose_told_again
from apps.detox.turns import in_turn
from apps.patients.models import IntakeEntry, Patient
from apps.patients.moving import Found
from apps.tapers.models import Dispensing, TaperPlan
from apps.tapers.today import midnight

NEWS_OF: Final = timedelta(days=2)
A_YEAR: Final = Value(timedelta(days=MONTHLY_UNTIL_DAY))
LOOK_WITHIN: Final = timedelta(days=3)  # W17 gives a watch so long: 4320 minutes
RELAPSE: Final = "Mood, anxiety or sleep is worse than at the last dose: look at the first illness"
RESTART: Final = "May be taking a sedative again: talk about it and agree on a plan"
SILENT_AFTER: Final = 2  # missed check-ins in a row [proposal]; no silence rule sees aftercare
YEAR_OVER: Final = "A year since the last dose: look at the outcome together"


def in_aftercare(now: datetime) -> Found:
    """Return followed patients after their last dose, or who take some again without a plan.

    Of whom there is news to look at: a check-in, a hand-out, a dose told on the intake, a missed
    check-in or a closed task of the last days, or the end of the year; and no open task but what
    a restart asks for, which waits behind silence, or of another drug, which waits beside all.
    """
    own, since = OuterRef("pk"), now - NEWS_OF
    tasks = CareTask.objects.filter(patient=own, kind=CareTask.Kind.AFTERCARE)
    a_year_ago = now.date() - timedelta(days=MONTHLY_UNTIL_DAY)
    asked_since = tasks.filter(
        title=YEAR_OVER, created_at__date__gte=OuterRef("last_dose_on") + A_YEAR
    )
    news = (
        Exists(CheckIn.objects.filter(patient=own, received_at__gte=since))
        | Exists(Dispensing.objects.filter(patient=own, recorded_at__gte=since))
        | Exists(missed_windows().filter(patient=own, ended_at__gte=since))
        | Exists(IntakeEntry.objects.filter(patient=own, saved_at__gte=since))
        | Exists(tasks.filter(done_at__gte=since))
        | Q(last_dose_on__lte=a_year_ago) & ~Exists(asked_since)
    )
    again = Exists(Restart.objects.filter(patient=own))
    on_plan = Exists(TaperPlan.objects.active().filter(patient=own))
    rows = Patient.objects.filter(status=Patient.Status.ACTIVE)
    rows = rows.filter(Q(last_dose_on__isnull=False) | Q(again, ~on_plan))
    others = looks_of(own).filter(done_at__isnull=True).exclude(title__in=QUESTIONS)
    waiting = rows.filter(news).exclude(Exists(others))
    return in_turn("aftercare", waiting)


@transaction.atomic
def look_at_aftercare(patient_id: UUID, now: datetime) -> bool:
    """Open the task that the newest check-ins, the pharmacy or the calendar call for; one a time.

    Use that began again first, then a first illness that may come back, then silence, then the
    end of the year. Each is asked once for what it was seen by, and what was asked and closed
    stands in the way of nothing behind it. While some is taken again without
    a plan only silence is looked at: no silence rule sees that either.
    """
    patient = locked(patient_id)
    last = patient.last_dose_on
    if patient.status != Patient.Status.ACTIVE:
        return False
    if last is None:
        return look_at_going_on(patient, now)
    seen = what_calls(patient, last, now.astimezone(patient.tz).date())
    return any(ask(patient, source, title, now) for source, title in seen)


def what_calls(patient: Patient, last: date, today: date) -> Iterator[tuple[UUID, str]]:
    """Yield what calls for a look, the most pressing first: what it was seen by, and the words."""
    found = restart_seen(patient, last)
    if found is not None:
        yield uuid5(found, "restart"), RESTART
    newest, weighing = weighing_of(patient)
    if newest is not None and weighing.for_relapse:
        yield uuid5(newest, "relapse"), RELAPSE
    silence = silence_seen(patient, last)
    if silence is not None:
        yield uuid5(silence, "silent"), SILENT
    if (today - last).days >= MONTHLY_UNTIL_DAY:
        yield uuid5(patient.pk, f"year {last}"), YEAR_OVER


def look_at_going_on(patient: Patient, now: datetime) -> bool:
    """Open the task for silence of somebody who takes some again, and on no plan.

    It takes the place of what the restart asks for, which is asked anew once somebody was heard.
    """
    restart = goes_on(patient)
    if restart is None:
        return False
    silence = silence_seen(patient, restart.recorded_at.astimezone(patient.tz).date())
    if silence is None:
        return False
    asked = looks_of(patient).filter(source_id=uuid5(silence, "silent"))
    if asked.exclude(outcome=CareTask.Outcome.OVERTAKEN).exists():
        return False
    end_questions(patient, now)
    return ask(patient, uuid5(silence, "silent"), SILENT_AGAIN, now)


def restart_seen(patient: Patient, last: date) -> UUID | None:
    """Return what says that a sedative is taken again, None for nothing.

    A check-in, a hand-out, or a dose told on the intake; of each what no restart answered yet.
    """
    since = patient.restarts.first()
    told = CheckIn.objects.by_the_patient().filter(
        Q(answers__has_any_keys=TOLD_BY), patient=patient, received_at__gte=day_after(patient, last)
    )
    given = Dispensing.objects.filter(
        Q(quantity__gt=0), patient=patient, dispensed_on__gt=last, correction__isnull=True
    )
    if since is not None:
        told = told.filter(received_at__gt=since.recorded_at)
        given = given.filter(recorded_at__gt=since.recorded_at)
    rows = told.order_by("-received_at").values_list("pk", "answers")
    found: UUID | None = next((key for key, answers in rows if tells_of_taking(answers)), None)
    found = found or given.order_by("-recorded_at").values_list("pk", flat=True).first()
    return found or getattr(dose_told_again(patient), "pk", None)


def missed_windows() -> ReminderQuerySet:
    """Return check-ins that were asked for and never came."""
    return Reminder.objects.filter(state=Reminder.State.MISSED)


def silence_seen(patient: Patient, last: date) -> UUID | None:
    """Return the first of two missed check-ins since the patient was last heard, else None.

    Somebody who closed the task of an earlier silence counts as having heard: two more missed
    ones ask anew.

    `last` is the day of the last dose, or of the word that some is taken again.
    """
    since = last_complete(patient)
    tasks = CareTask.objects.filter(
        patient=patient, kind=CareTask.Kind.AFTERCARE, title__in=SILENCE, done_at__isnull=False
    ).exclude(outcome=CareTask.Outcome.OVERTAKEN)
    closed = tasks.order_by("-done_at").values_list("done_at", flat=True).first()
    heard = [day_after(patient, last), *([closed] if closed is not None else [])]
    if since is not None:
        heard.append(end_of_day(since, patient.tz))
    missed = missed_windows().filter(patient=patient, due_at__gte=max(heard))
    keys = list(missed.order_by("due_at").values_list("pk", flat=True)[:SILENT_AFTER])
    return keys[0] if len(keys) == SILENT_AFTER else None


def day_after(patient: Patient, day: date) -> datetime:
    """Return the moment at which the day after this one begins where the patient is."""
    return midnight(day + timedelta(days=1), patient.tz)


def ask(patient: Patient, source: UUID, title: str, now: datetime) -> bool:
    """Open the task, unless it was opened for the same before or another look is open."""
    if looks_of(patient).filter(done_at__isnull=True).exists():
        return False
    return open_clock_task(
        patient, CareTask.Kind.AFTERCARE, source, now + LOOK_WITHIN, now, title=title
    )
