"""Check-in links, check-ins and their triage results. A check-in is never changed."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import models
from django.db.models import Exists, OuterRef, Q

from apps.accounts.models import User
from apps.database.kept_rows import immutable
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient

LATE: Final = timedelta(minutes=5)  # [proposal]


class LinkQuerySet(models.QuerySet["CheckInLink"]):
    """Reads of links."""

    def not_revoked(self) -> "LinkQuerySet":
        """Return links that nobody has taken back; an expired one still says that it is."""
        return self.filter(revoked_at__isnull=True)


class CheckInLink(models.Model):
    """One permission to send one check-in. The link shows nothing about the patient."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="check_in_links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    submission_id = models.UUIDField(
        null=True, blank=True, help_text="The check-in it was used for."
    )
    with_weekly = models.BooleanField(
        default=False, help_text="After the daily questions it opens the weekly ones, once."
    )
    weekly_submission_id = models.UUIDField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="A lost phone: it is dead.")

    objects = LinkQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="link_of_clinic"
            ),
            models.CheckConstraint(
                condition=Q(used_at__isnull=True) | Q(submission_id__isnull=False),
                name="link_used_for_a_check_in",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="link_expires_later"
            ),
            models.CheckConstraint(
                condition=Q(weekly_submission_id__isnull=True)
                | Q(with_weekly=True, used_at__isnull=False),
                name="link_weekly_after_daily",
            ),
        ]

    def __str__(self) -> str:
        return f"Link {self.pk}"

    def is_expired(self, now: datetime) -> bool:
        """Answer whether the link is too old to be used."""
        return now >= self.expires_at


class CheckInQuerySet(models.QuerySet["CheckIn"]):
    """Reads of check-ins."""

    def stopping_the_clock(self) -> "CheckInQuerySet":
        """Return those after which nobody has to ask: daily questions, all mandatory ones.

        Never what came too late or by a link that was used too often: it raises, it never calms.
        """
        return self.filter(questionnaire="daily", is_complete=True, may_calm=True)

    def by_the_patient(self) -> "CheckInQuerySet":
        """Return the patient's own words only."""
        return self.filter(reporter=CheckIn.Reporter.PATIENT)

    def uncorrected(self) -> "CheckInQuerySet":
        """Return what no later check-in that counts corrects: for courses and counts.

        Never for safety: what a red flag opened stays open, however it was corrected.
        """
        later = CheckIn.objects.filter(corrects_id=OuterRef("pk"))
        return self.exclude(Exists(later))


class CountedManager(models.Manager["CheckIn"]):
    """What `CheckIn.objects` and `patient.check_ins` give: never what is only kept.

    Whoever reads check-ins to judge, to count or to draw asks here. What is only kept is asked for
    by name (`CheckIn.as_given`), so that no reader can forget it and be calmed by it (ADR 88).
    """

    def get_queryset(self) -> CheckInQuerySet:
        """Return the check-ins that count."""
        return CheckInQuerySet(self.model, using=self._db).filter(counts=True)


class CheckIn(models.Model):
    """What a patient answered, as given; or what their trusted person saw, marked as theirs."""

    class Reporter(models.TextChoices):
        """Whose word it is."""

        PATIENT = "patient", "The patient"
        TRUSTED = "trusted", "Trusted person"

    class Arrival(models.TextChoices):
        """Why answers may calm nobody; in words for staff."""

        USED = "used", "It came by a link that was already used or did not ask for it"
        ENDED = "expired", "It came after its link had ended"
        OLD = "old", "It came too long after it was answered"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # No index of their own: those below begin with them, and each costs every check-in a write.
    clinic = models.ForeignKey(
        Clinic, on_delete=models.PROTECT, related_name="check_ins", db_index=False
    )
    # `check_in_of_clinic` keeps it: a second look at the patient would cost each check-in.
    patient = models.ForeignKey(
        Patient, on_delete=models.PROTECT, related_name="check_ins", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    submission_id = models.UUIDField(help_text="Made by the patient's device.")
    questionnaire = models.CharField(max_length=10)
    questionnaire_version = models.PositiveSmallIntegerField()
    answers = models.JSONField()
    is_complete = models.BooleanField(
        default=True, help_text="False when mandatory answers are missing: kept for its red flag."
    )
    may_calm = models.BooleanField(
        default=True, db_default=True,
        help_text="False for what came too late, or by a link used too often: it only raises.",
    )  # fmt: skip
    arrival = models.CharField(
        max_length=7, choices=Arrival, blank=True, default="", db_default="",
        help_text="Why it may not calm; empty where it may, or nobody wrote it down.",
    )  # fmt: skip
    counts = models.BooleanField(
        default=True, db_default=True,
        help_text="False for calm answers that may not calm: kept as given, judged by nothing.",
    )  # fmt: skip
    language = models.CharField(max_length=2, default="en")
    requests = models.JSONField(
        default=list, help_text="What was asked for beside the questions: call_today, stay."
    )
    corrects = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections",
        help_text="The first check-in, which stays as it is.",
    )  # fmt: skip
    reporter = models.CharField(max_length=7, choices=Reporter, default=Reporter.PATIENT)
    reporter_name = models.CharField(
        max_length=80, blank=True, help_text="The trusted person, as the patient named them."
    )
    reported_at = models.DateTimeField()
    received_at = models.DateTimeField()

    objects = CountedManager.from_queryset(CheckInQuerySet)()
    as_given = CheckInQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="check_in_of_clinic"
            ),
            models.CheckConstraint(
                condition=Q(arrival="") | Q(may_calm=False), name="check_in_arrival_never_calms"
            ),
            models.CheckConstraint(
                condition=Q(counts=True)
                | Q(may_calm=False, corrects__isnull=True) & ~Q(arrival=""),
                name="check_in_kept_never_calms",
            ),
            models.CheckConstraint(
                condition=Q(reporter="patient", reporter_name="")
                | Q(reporter="trusted") & ~Q(reporter_name=""),
                name="check_in_reporter_has_name",
            ),
            # Of one patient: an id that somebody else's device made up is no hindrance.
            models.UniqueConstraint(
                fields=["patient", "submission_id"], name="check_in_stored_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["patient", "-received_at"]),
            models.Index(fields=["clinic", "-received_at"]),
            models.Index(
                fields=["patient", "-received_at"], condition=Q(counts=False),
                name="check_in_only_kept",
            ),
        ]  # fmt: skip
        triggers: ClassVar = [
            immutable("check_in_immutable"),
        ]

    def __str__(self) -> str:
        return f"Check-in {self.pk}"

    @property
    def came_late(self) -> bool:
        """Whether it was answered clearly before it reached us: a phone without network."""
        return self.received_at - self.reported_at > LATE


class TriageResult(models.Model):
    """Every rule that fired on a check-in, with the answers that fired it."""

    check_in = models.OneToOneField(
        CheckIn, primary_key=True, on_delete=models.PROTECT, related_name="triage"
    )
    level = models.CharField(max_length=10)
    dws = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Score of 0 to 40.")
    fired = models.JSONField(default=list)
    taper_action = models.CharField(max_length=24)
    minutes = models.PositiveIntegerField(null=True, blank=True)
    text_keys = models.JSONField(default=list, help_text="Advice shown to the patient, in order.")
    rules_version = models.CharField(max_length=20)

    class Meta:
        triggers: ClassVar = [
            immutable("triage_immutable"),
        ]

    def __str__(self) -> str:
        return f"{self.level} ({len(self.fired)} rules)"
