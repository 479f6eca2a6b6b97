"""Writes of due windows: planned, moved, answered, missed, judged, left in peace."""

from collections.abc import Callable
from datetime import datetime, time
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction

from apps.alerts.actions import open_alert
from apps.alerts.models import Alert
from apps.audit.actions import HasId, record
from apps.checkins.mails import count_anew, go_on
from apps.checkins.models import CheckIn, CheckInSchedule, Reminder, policy_of
from apps.checkins.no_mail import why_no_mail
from apps.checkins.windows import (
    context_of_silence,
    last_complete,
    next_judgement,
    next_window,
    sooner_close,
)
from apps.clinical.triage import Level, TaperAction, Triage, assess_silence
from apps.database.statements import Change, Read
from apps.patients.models import Patient
from apps.tapers.actions import hold_plan

SOURCE_SILENCE: Final = "silence"
LOCKED_PATIENT = Read[Patient](
    lambda key: (
        Patient.objects.select_for_update(no_key=True, of=("self",))
        .select_related("medication", "risk", "review_clock")
        .filter(pk=key)
    ),
    key=UUID,
)
LOCKED_WINDOW = Read[Reminder](
    lambda patient_id: Reminder.objects.live().select_for_update().filter(patient_id=patient_id),
    patient_id=UUID,
)
REPLAN = Change(
    lambda key, now: (Reminder.objects.filter(pk=key), {"replan_at": now}), key=UUID, now=datetime
)


def lock_patient(patient_id: UUID) -> Patient:
    """Return the patient locked: check-in, sweep and status change come one after another."""
    patient = LOCKED_PATIENT.first(key=patient_id)
    if patient is None:
        raise Patient.DoesNotExist
    return patient


@transaction.atomic
def set_schedule(
    *, patient: Patient, remind_at: time, wants_mail: bool, by: HasId | None, now: datetime
) -> CheckInSchedule:
    """Store when the patient likes to be asked, and move the window that waits.

    Calling again with the same values changes nothing.
    """
    patient = lock_patient(patient.pk)
    schedule = CheckInSchedule.objects.filter(patient=patient).first()
    values = {"remind_at": remind_at, "wants_mail": wants_mail}
    if schedule and all(getattr(schedule, key) == value for key, value in values.items()):
        return schedule
    schedule, _ = CheckInSchedule.objects.update_or_create(
        patient=patient, defaults=values, create_defaults=values | {"started_at": now}
    )
    look_again(patient, now)
    record(
        "schedule.set", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        wants_mail=wants_mail,
    )  # fmt: skip
    return schedule


def look_again(patient: Patient, now: datetime) -> None:
    """Let the next sweep work out again when the window that waits is due; part of an act.

    Called for another zone or time, and whenever the tier was computed anew: a high risk must
    not wait for midnight to be asked every day.
    """
    Reminder.objects.live().filter(patient=patient).update(replan_at=now)


@transaction.atomic
def plan_window(patient_id: UUID, now: datetime) -> bool:
    """Make sure that a followed patient has a window to wait in; False when nothing changed.

    The first call for a patient on an active plan starts their schedule.
    """
    patient = lock_patient(patient_id)
    if patient.status != Patient.Status.ACTIVE:
        return False
    if Reminder.objects.live().filter(patient=patient).exists():
        return False
    schedule, _ = CheckInSchedule.objects.get_or_create(
        patient=patient,
        defaults={
            "remind_at": lambda: policy_of(patient.clinic_id).usual_time,  # type: ignore[misc]
            "started_at": now,
        },
    )
    live = Reminder(clinic_id=patient.clinic_id, patient=patient, created_at=now)
    place(live, patient, schedule, now)
    live.save(force_insert=True)
    record(
        "reminder.planned", by=None, now=now, clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=live, interval_days=live.interval_days,
    )  # fmt: skip
    return True


@transaction.atomic
def replan_window(reminder_id: UUID, now: datetime) -> bool:
    """Work out a window's clocks again: a step, another tier or drug may ask for it sooner.

    One that is not due yet is moved; of one that is, only the end and the next look.
    """
    live = lock_window(reminder_id)
    if live is None or live.closes_at <= now or live.state == Reminder.State.SENDING:
        return False
    schedule = CheckInSchedule.objects.get(patient=live.patient)
    if live.due_at > now:
        # Nobody was asked at an hour of today that has passed: their patience begins now.
        place(live, live.patient, schedule, now, at_soonest=now)
    else:
        hurry(live, schedule, now)
    live.save()
    return True


def hurry(live: Reminder, schedule: CheckInSchedule, now: datetime) -> None:
    """Look anew at a window that waits for its answer: it may close sooner, never later.

    Its silence is judged by today's facts, also the one that was looked at before: what was
    no alert for a weekly window of low risk may be one since the cut or the new tier.
    """
    resume_mails(live, schedule, now)
    window = next_window(live.patient, schedule, now)
    live.replan_at = window.replan_at
    if window.interval_days < live.interval_days:
        live.interval_days = window.interval_days
        live.closes_at = sooner_close(live, window.interval_days, schedule.remind_at, now)
    live.judge_at = next_judgement(live.patient, live, now)


def place(
    live: Reminder, patient: Patient, schedule: CheckInSchedule, now: datetime,
    at_soonest: datetime | None = None,
) -> None:  # fmt: skip
    """Set every clock of a window that has sent no mail yet."""
    window = next_window(patient, schedule, now)
    live.kind, live.interval_days = window.kind, window.interval_days
    live.due_at = max(window.due_at, at_soonest or window.due_at)
    live.closes_at, live.replan_at = window.closes_at, window.replan_at
    mails = not why_no_mail(patient, schedule)
    live.state = Reminder.State.PENDING if mails else Reminder.State.NO_MAIL
    live.next_attempt_at = live.due_at if mails else None
    live.judge_at = next_judgement(patient, live, now)


def resume_mails(live: Reminder, schedule: CheckInSchedule, now: datetime) -> None:
    """Let a window that is due begin its mails where they may go out since, or stop them.

    To an address that one of them went to already, go on: the second hours after, no third.
    """
    mails = not why_no_mail(live.patient, schedule)
    if mails and live.state == Reminder.State.NO_MAIL:
        go_on(live, now)
    elif not mails and live.state == Reminder.State.PENDING and not live.mails_sent:
        live.state, live.next_attempt_at = Reminder.State.NO_MAIL, None


def prove_address(patient: Patient, now: datetime) -> bool:
    """Let reminders go to the address by whose mail the patient has just agreed or signed in.

    Part of an act of the patient, who is locked and has agreed. The next sweep lets a window that
    waits send what is left to this address. False when the address was known already.
    """
    if not patient.email or patient.email_proved == patient.email:
        return False
    former, patient.email_proved = patient.email_proved, patient.email
    patient.save(update_fields=["email_proved"])
    for live in LOCKED_WINDOW.all(patient_id=patient.pk):
        count_anew(live, patient.email, in_hand=former or patient.email)
    look_again(patient, now)
    record(
        "patient.address_proved", by=patient, now=now, clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=patient,
    )  # fmt: skip
    return True


def lock_window(reminder_id: UUID) -> Reminder | None:
    """Return a live window with its patient, both locked; the patient first, as everywhere."""
    found = Reminder.objects.filter(pk=reminder_id).values_list("patient_id", flat=True).first()
    if found is None:
        return None
    patient = lock_patient(found)
    live = Reminder.objects.live().select_for_update().filter(pk=reminder_id).first()
    if live is not None:
        live.patient = patient
    return live


def end_window(
    live: Reminder, state: str, now: datetime, *, check_in: CheckIn | None = None
) -> None:
    """End a window for good; a mail that is on its way finds its lease gone."""
    live.state, live.ended_at, live.check_in = state, now, check_in
    live.lease_token = live.lease_until = live.next_attempt_at = live.judge_at = None
    live.save(
        update_fields=[
            "state", "ended_at", "check_in", "lease_token", "lease_until", "next_attempt_at",
            "judge_at",
        ]
    )  # fmt: skip
    record(
        f"reminder.{state}", by=None, now=now, clinic_id=live.clinic_id,
        patient_id=live.patient_id, obj=live,
    )  # fmt: skip


def window_ahead(check_in: CheckIn) -> Callable[[], list[Reminder]]:
    """Lock the window that waits, where this check-in may answer it; the patient is locked.

    Asked with the next statement; call what is returned for `answer_window`.
    """
    if check_in.questionnaire != "daily" or not (check_in.is_complete and check_in.may_calm):
        return list
    return LOCKED_WINDOW.ahead(patient_id=check_in.patient_id)


def answer_window(check_in: CheckIn, windows: list[Reminder], now: datetime) -> None:
    """End the window that this check-in answers; part of `submit_check_in`'s transaction.

    What was felt before the window's day does not answer it, however late a phone sends it: the
    window moves by itself, because the next one is due so many days after the last check-in.
    """
    live = next(iter(windows), None)
    if live is None:
        return
    tz = check_in.patient.tz
    if live.due_at.astimezone(tz).date() <= check_in.reported_at.astimezone(tz).date():
        end_window(live, Reminder.State.ANSWERED, now, check_in=check_in)
    else:
        REPLAN.run_later(key=live.pk, now=now)


@transaction.atomic
def miss_window(reminder_id: UUID, now: datetime) -> bool:
    """End a window whose time is over without a check-in."""
    live = lock_window(reminder_id)
    if live is None or live.closes_at > now:
        return False
    end_window(live, Reminder.State.MISSED, now)
    return True


@transaction.atomic
def leave_in_peace(reminder_id: UUID, now: datetime) -> bool:
    """Cancel the window of a patient who is paused, in hospital, ended or deceased."""
    live = lock_window(reminder_id)
    if live is None or live.patient.status == Patient.Status.ACTIVE:
        return False
    end_window(live, Reminder.State.CANCELLED, now)
    return True


@transaction.atomic
def judge_silence(reminder_id: UUID, now: datetime) -> bool:
    """Let the silence rules judge a window, open the alert they ask for, set the next look.

    One window raises each rule once at most, and a rule whose alert of the same silence is
    still open does not raise a second one: that one is climbing its ladder. Hold, alert
    and the next look are saved together.
    """
    live = lock_window(reminder_id)
    if live is None or live.judge_at is None or live.judge_at > now:
        return False
    if live.patient.status != Patient.Status.ACTIVE:
        return False
    result = assess_silence(*context_of_silence(live.patient, live, now))
    if result.level > Level.NONE:
        act_on_silence(live, result, now)
    live.judge_at = next_judgement(live.patient, live, now, again=True)
    live.save(update_fields=["judge_at"])
    return True


def act_on_silence(live: Reminder, result: Triage, now: datetime) -> None:
    """Hold the plan and open the alert of a silence."""
    rules = [fired.rule_id for fired in result.fired]
    if already_open(live.patient, rules[0]):
        return
    source_id = uuid5(live.pk, rules[0])
    if result.taper_action >= TaperAction.HOLD_NEXT:
        hold_plan(
            patient=live.patient,
            action=result.taper_action.value,
            rules=rules,
            source_type=SOURCE_SILENCE,
            source_id=source_id,
            by=None,
            now=now,
        )
    open_alert(
        patient=live.patient,
        level=result.level.value,
        response_minutes=result.minutes or 0,
        rules=rules,
        source_type=SOURCE_SILENCE,
        source_id=source_id,
        now=now,
    )


def already_open(patient: Patient, rule: str) -> bool:
    """Answer whether this silence has an unresolved alert by the same rule."""
    same = Alert.objects.unresolved().filter(
        patient=patient, source_type=SOURCE_SILENCE, rules__contains=[rule]
    )
    last = last_complete(patient)
    return (same.filter(opened_at__gt=last) if last else same).exists()
