"""When a patient is asked to check in, as rows: a restart neither loses nor repeats one."""

import uuid
from datetime import UTC, datetime, time, timedelta
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, QuerySet

from apps.checkins.models.check_in import CheckIn
from apps.checkins.models.task import USUAL_TIME
from apps.database.same_clinic import SameClinic
from apps.patients.models import DRILL_CLINIC, Clinic, Patient


class CheckInSchedule(models.Model):
    """A patient whose check-ins the clinic waits for, and at what time they like to be asked."""

    patient = models.OneToOneField(
        Patient, primary_key=True, on_delete=models.PROTECT, related_name="check_in_schedule"
    )
    remind_at = models.TimeField(default=USUAL_TIME, help_text="On the patient's own clock.")
    wants_mail = models.BooleanField(
        default=True, help_text="Without it the clock runs all the same."
    )
    started_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Check-ins at {self.remind_at:%H:%M}"


class ReminderQuerySet(models.QuerySet["Reminder"]):
    """Reads of due windows; each has its index."""

    def live(self) -> "ReminderQuerySet":
        """Return windows that wait for a check-in."""
        return self.filter(state__in=LIVE)

    def of_active_patients(self) -> "ReminderQuerySet":
        """Return windows of patients whom nobody told us to leave in peace."""
        return self.filter(patient__status=Patient.Status.ACTIVE)

    def to_be_left_in_peace(self) -> "ReminderQuerySet":
        """Return live windows of patients who are paused, in hospital, ended or deceased."""
        return self.live().exclude(patient__status=Patient.Status.ACTIVE)

    def mail_due(self, now: datetime) -> "ReminderQuerySet":
        """Return windows whose next mail is due, the longest waiting first."""
        due = self.of_active_patients().filter(
            state=Reminder.State.PENDING, next_attempt_at__lte=now, closes_at__gt=now
        )
        # Who turned mails off gets no second one either.
        due = due.exclude(patient__check_in_schedule__wants_mail=False)
        # Whoever owns another address has agreed to nothing, and may be a stranger (ADR 88).
        due = due.filter(patient__email=F("patient__email_proved"))
        return due.order_by("next_attempt_at")

    def lease_expired(self, now: datetime) -> "ReminderQuerySet":
        """Return windows whose sender did not come back."""
        return self.filter(state=Reminder.State.SENDING, lease_until__lte=now)

    def judge_due(self, now: datetime) -> "ReminderQuerySet":
        """Return windows whose silence is to be judged."""
        return self.live().of_active_patients().filter(judge_at__lte=now).order_by("judge_at")

    def over(self, now: datetime) -> "ReminderQuerySet":
        """Return windows that ended without a check-in."""
        return self.live().filter(closes_at__lte=now).order_by("closes_at")

    def replan_due(self, now: datetime) -> "ReminderQuerySet":
        """Return windows to be looked at again: a new day may have begun a step."""
        return self.live().filter(replan_at__lte=now, closes_at__gt=now).order_by("replan_at")


class Reminder(models.Model):
    """One due window: when a check-in is due, the mails that ask for it, what came of it."""

    class Kind(models.TextChoices):
        """Which questions are asked; a weekly window asks the daily ones first."""

        DAILY = "daily", "Daily"
        WEEKLY = "weekly", "Weekly"

    class State(models.TextChoices):
        """Where the window stands; the last three are for good."""

        PENDING = "pending", "A mail is still to be sent"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Every mail is sent"
        FAILED = "failed", "The mail cannot be delivered"
        NO_MAIL = "no_mail", "No mail: none wanted, or no address that is proved"
        ANSWERED = "answered", "Answered"
        MISSED = "missed", "Missed"
        CANCELLED = "cancelled", "Left in peace"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="reminders", db_index=False
    )  # an index below begins with it
    kind = models.CharField(max_length=6, choices=Kind)
    interval_days = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closes_at = models.DateTimeField(help_text="When the next one is due and this one is missed.")
    replan_at = models.DateTimeField(help_text="When a step may have begun that changes the due.")
    judge_at = models.DateTimeField(null=True, help_text="When the silence is judged next.")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    mails_sent = models.PositiveSmallIntegerField(default=0, help_text="To the address on record.")
    mailed_to = ArrayField(
        models.CharField(max_length=64), default=list, blank=True,
        db_default=models.Value([], ArrayField(models.CharField(max_length=64))),
        help_text="Of each mail of this window, the hash of its address.",
    )  # fmt: skip
    attempts = models.PositiveSmallIntegerField(default=0, help_text="At the mail in hand.")
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    check_in = models.ForeignKey(CheckIn, null=True, blank=True, on_delete=models.PROTECT)

    objects = ReminderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="reminder_of_clinic"
            ),
            models.CheckConstraint(condition=~Q(clinic=DRILL_CLINIC), name="reminder_of_a_person"),
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(state__in=("pending", "sending", "sent", "failed", "no_mail")),
                name="reminder_one_live_window",
            ),
            models.UniqueConstraint(
                fields=["patient", "due_at"],
                condition=~Q(state="cancelled"),
                name="reminder_due_once",
            ),
            models.CheckConstraint(
                condition=Q(closes_at__gt=F("due_at")), name="reminder_closes_later"
            ),
            models.CheckConstraint(
                condition=Q(state="sending", lease_token__isnull=False, lease_until__isnull=False)
                | ~Q(state="sending") & Q(lease_token__isnull=True, lease_until__isnull=True),
                name="reminder_sending_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False)
                | ~Q(state="pending") & Q(next_attempt_at__isnull=True),
                name="reminder_pending_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("answered", "missed", "cancelled"), ended_at__isnull=False)
                | ~Q(state__in=("answered", "missed", "cancelled")) & Q(ended_at__isnull=True),
                name="reminder_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(check_in__isnull=True) | Q(state="answered"),
                name="reminder_check_in_answers",
            ),
            models.CheckConstraint(condition=Q(mails_sent__lte=2), name="reminder_two_mails"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["patient", "-due_at"]),
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"),
                         name="reminder_mail_due"),
            models.Index(fields=["judge_at"], condition=Q(ended_at__isnull=True),
                         name="reminder_judge_due"),
            models.Index(fields=["closes_at"], condition=Q(ended_at__isnull=True),
                         name="reminder_over"),
            models.Index(fields=["replan_at"], condition=Q(ended_at__isnull=True),
                         name="reminder_replan_due"),
        ]  # fmt: skip

    @property
    def mails_in_all(self) -> int:
        """How many mails left, also those to an address that was corrected since."""
        return max(self.mails_sent, len(self.mailed_to))

    def __str__(self) -> str:
        return f"{self.get_kind_display()} reminder due {self.due_at:%Y-%m-%d %H:%M}"


class SweepPlace(models.Model):
    """How far the search for patients without a window has come, for every process that sweeps."""

    name = models.CharField(primary_key=True, max_length=20)
    after = models.UUIDField(null=True, blank=True, help_text="The last patient looked at.")

    def __str__(self) -> str:
        return f"{self.name}: after {self.after}"


LIVE: Final = (
    Reminder.State.PENDING,
    Reminder.State.SENDING,
    Reminder.State.SENT,
    Reminder.State.FAILED,
    Reminder.State.NO_MAIL,
)


def end_of_day(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the last moment of a local day: a check-in answers every window due until then."""
    following = moment.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(following, time.min, zone).astimezone(UTC) - timedelta.resolution


def first_missed(patient: Patient, since: datetime | None) -> datetime | None:
    """Return when the first window after `since` was due that closed unanswered, or None."""
    windows: QuerySet[Reminder] = Reminder.objects.filter(
        patient=patient, state=Reminder.State.MISSED
    )
    # What lies before a pause is forgotten: the clock starts again with the first new window.
    peace = (
        Reminder.objects.filter(patient=patient, state=Reminder.State.CANCELLED)
        .order_by("-ended_at")
        .values_list("ended_at", flat=True)
        .first()
    )
    for moment in (since, peace):
        if moment is not None:
            windows = windows.filter(due_at__gt=moment)
    return windows.order_by("due_at").values_list("due_at", flat=True).first()
