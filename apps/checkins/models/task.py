"""What a patient asked for or a clock calls for: an owner, a due time, an outcome."""

import uuid
from datetime import datetime, time, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.checkins.models.check_in import CheckIn
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient, StaffMember

CARE_LEVEL_DAYS: Final = 30  # [proposal]; ASAM-07 names no number
CARE_LEVEL_DAYS_AT_MOST: Final = 90  # risks and benefits are weighed anew by then (ASAM-01)
HOSPITAL_DAYS: Final = 7  # [proposal] of saying "in hospital" and hearing no more
HOSPITAL_DAYS_AT_MOST: Final = 60  # [proposal]
PAUSED_DAYS: Final = 7  # [proposal] of saying "paused" on a plan and hearing no more
USUAL_TIME: Final = time(9, 0)  # [proposal] until the clinic or the patient chooses
REQUESTS_UNTIL: Final = time(17, 0)  # [proposal] of the clinic's clock


class CheckInPolicy(models.Model):
    """What a clinic decided about check-ins; without a row the defaults hold."""

    clinic = models.OneToOneField(
        Clinic, primary_key=True, on_delete=models.PROTECT, related_name="check_in_policy"
    )
    hold_on_request = models.BooleanField(
        default=False, help_text="Hold the next reduction as soon as a patient asks to stay."
    )
    usual_time = models.TimeField(
        default=USUAL_TIME, help_text="When patients are asked who have not chosen a time."
    )
    second_mail_hours = models.PositiveSmallIntegerField(
        default=3, help_text="Hours until the second mail of a day."
    )
    requests_until = models.TimeField(
        default=REQUESTS_UNTIL, help_text="By when what a patient asks for today is done."
    )
    hospital_days = models.PositiveSmallIntegerField(
        default=HOSPITAL_DAYS, db_default=HOSPITAL_DAYS,
        help_text="Days in hospital until somebody asks whether the patient is still there.",
    )  # fmt: skip
    care_level_days = models.PositiveSmallIntegerField(
        default=CARE_LEVEL_DAYS, db_default=CARE_LEVEL_DAYS,
        help_text="Days for which answers on the level of care let a plan start.",
    )  # fmt: skip
    version = models.PositiveIntegerField(default=1, help_text="Counts the changes.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(care_level_days__range=(1, CARE_LEVEL_DAYS_AT_MOST)),
                name="policy_care_level_grows_old",
            ),
            models.CheckConstraint(
                condition=Q(hospital_days__range=(1, HOSPITAL_DAYS_AT_MOST)),
                name="policy_hospital_is_asked_about",
            ),
            models.CheckConstraint(
                condition=Q(second_mail_hours__gte=1, second_mail_hours__lte=12),
                name="policy_second_mail_the_same_day",
            ),
        ]

    def __str__(self) -> str:
        return f"Check-in policy of {self.clinic_id}"


def policy_of(clinic_id: UUID) -> CheckInPolicy:
    """Return what the clinic decided, or the defaults, not stored."""
    found = CheckInPolicy.objects.filter(clinic_id=clinic_id).first()
    return found or CheckInPolicy(clinic_id=clinic_id)


# What a clock opens, with what it opens it for.
OF_CLOCKS: Final = (
    "review", "refill", "care_level", "referral", "arrival", "contact", "new_plan", "day_missed",
    "aftercare", "no_unit", "second", "hospital", "paused",
)  # fmt: skip


class CareTaskQuerySet(models.QuerySet["CareTask"]):
    """Reads of tasks."""

    def visible_to(self, member: StaffMember) -> "CareTaskQuerySet":
        """Return the tasks of the reader's own clinic."""
        return self.filter(clinic_id=member.clinic_id)

    def open(self) -> "CareTaskQuerySet":
        """Return tasks nobody has closed, the most overdue first."""
        return self.filter(done_at__isnull=True).order_by("due_at", "created_at")

    def of_clocks(self) -> "CareTaskQuerySet":
        """Return tasks that a clock opened, not a patient."""
        return self.filter(source_id__isnull=False)


class CareTask(models.Model):
    """One thing to do for a patient. It ends only with an outcome and a name.

    Only a clock's own task may end without a name: when what it called for is overtaken.
    """

    class Kind(models.TextChoices):
        """What the patient asked for, the board saw, a colleague handed on or a clock calls for."""

        CALL_TODAY = "call_today", "Asks for a call today"
        STAY = "stay", "Asks to stay at this dose"
        CONSENT = "consent", "Took consent back"
        READ_TODAY = "read_today", "Wrote something to be read today"
        SILENT = "silent", "Has not checked in"
        STEP_REVIEW = "step", "Next cut waits for a decision"
        FOLLOW_UP = "follow_up", "Follow up"
        REVIEW = "review", "Risk-benefit review is due"
        REFILL = "refill", "Medicine runs out soon"
        CARE_LEVEL = "care_level", "Level of care is to be answered"
        REFERRAL = "referral", "A detox unit has not answered"
        ARRIVAL = "arrival", "Has not arrived in the detox unit"
        CONTACT = "contact", "First contact after discharge"
        NEW_PLAN = "new_plan", "Decide on the plan after discharge"
        DAY_MISSED = "day_missed", "No check-in on a day of daily contact"
        AFTERCARE = "aftercare", "Aftercare: look at this patient"
        NO_UNIT = "no_unit", "Find a unit, or decide otherwise"
        SECOND = "second", "None taken after a short stay: a second prescriber signs"
        HOSPITAL = "hospital", "Still in hospital? Ask, and say what is known"
        PAUSED = "paused", "Still paused? Ask what is taken, and decide on the plan"

    class Outcome(models.TextChoices):
        """What came of it."""

        SPOKE = "spoke", "Spoke with the patient"
        NO_ANSWER = "no_answer", "Tried, no answer"
        HELD = "held", "The dose is held"
        GOES_ON = "goes_on", "Agreed to go on with the plan"
        READ = "read", "Read, nothing more to do"
        DONE = "done", "Done, nothing more to do"
        ARRANGED = "arranged", "Arranged"
        OTHER = "other", "Other, see the note"
        OVERTAKEN = "overtaken", "No longer needed"

        @classmethod
        def for_people(cls) -> list[tuple[str, str]]:
            """Return what a person may choose: only clocks say that nothing is needed now."""
            return [each for each in cls.choices if each[0] != cls.OVERTAKEN]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="care_tasks")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="care_tasks")
    check_in = models.ForeignKey(
        CheckIn, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks",
        help_text="Empty when asked for on the patient's own pages.",
    )  # fmt: skip
    source_id = models.UUIDField(
        null=True, blank=True, help_text="What a clock opened it for; the same opens one task."
    )
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=120, blank=True, help_text="What to do, for a follow-up.")
    created_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    order_key = models.CharField(
        max_length=80, null=True, blank=True, unique=True,
        help_text="The standing order, step and day it was made for: made once.",
    )  # fmt: skip
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="care_tasks"
    )
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    note = models.TextField(max_length=2000, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = CareTaskQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="task_of_clinic"
            ),
            models.UniqueConstraint(fields=["check_in", "kind"], name="task_once_per_check_in"),
            # Asked for without a check-in: five taps are one task, until somebody closes it. What
            # clocks tell apart by their words waits side by side.
            models.UniqueConstraint(
                fields=["patient", "kind", "title"],
                condition=Q(check_in__isnull=True, done_at__isnull=True) & ~Q(kind="follow_up"),
                name="task_asked_once",
            ),
            models.UniqueConstraint(fields=["kind", "source_id"], name="task_once_per_source"),
            models.CheckConstraint(
                condition=Q(kind__in=OF_CLOCKS, source_id__isnull=False) & Q(check_in__isnull=True)
                | ~Q(kind__in=OF_CLOCKS) & Q(source_id__isnull=True),
                name="task_of_a_clock_has_source",
            ),
            models.CheckConstraint(
                condition=~Q(kind="follow_up") | ~Q(title=""), name="task_follow_up_has_title"
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by__isnull=True, outcome="")
                | Q(done_at__isnull=False, done_by__isnull=False) & ~Q(outcome="")
                | Q(done_at__isnull=False, outcome="overtaken", source_id__isnull=False),
                name="task_done_has_outcome_and_name",
            ),
            models.CheckConstraint(
                condition=~Q(outcome="other") | ~Q(note=""), name="task_other_has_note"
            ),
            models.CheckConstraint(
                condition=Q(due_at__gt=models.F("created_at")), name="task_due_later"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["clinic", "due_at", "created_at"],
                condition=Q(done_at__isnull=True),
                name="task_open",
            ),
            models.Index(fields=["patient", "-created_at"]),
            models.Index(
                fields=["clinic", "-done_at"], condition=Q(done_at__isnull=False), name="task_done"
            ),
        ]

    @property
    def what(self) -> str:
        """What is to be done, in words."""
        return self.title or self.get_kind_display()

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, due {self.due_at:%Y-%m-%d %H:%M}"

    def was_answered_within(self, span: timedelta, now: datetime) -> bool:
        """Answer whether it waits, or a person closed it less than `span` ago."""
        if self.outcome == self.Outcome.OVERTAKEN:
            return False
        return self.done_at is None or now - self.done_at < span

    def is_overdue(self, now: datetime) -> bool:
        """Answer whether its time has passed and nobody has closed it."""
        return self.done_at is None and now > self.due_at


class TaskComment(models.Model):
    """One line of a task's conversation. Never changed once said."""

    task = models.ForeignKey(CareTask, on_delete=models.PROTECT, related_name="comments")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=2000)

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(text=""), name="task_comment_says_something"),
        ]
        triggers: ClassVar = [
            immutable("task_comment_immutable"),
        ]

    def __str__(self) -> str:
        return f"Comment {self.pk}"
