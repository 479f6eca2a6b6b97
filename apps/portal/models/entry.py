"""How a patient comes in without a password: invitation, consent, sign-in code, session."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.database.kept_rows import kept
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient

CODE_LIFETIME: Final = timedelta(minutes=10)  # the most that ASVS 5.0, 6.5.5 allows
CODE_TRIES: Final = 5
IDLE: Final = timedelta(minutes=30)  # [proposal] a phone that is put down
ABSOLUTE: Final = timedelta(hours=12)
TOUCH_EVERY: Final = timedelta(minutes=1)  # so that reading is not a write each time


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Reads of invitations."""

    def live(self) -> "InvitationQuerySet":
        """Return invitations nobody has taken back; each patient has one at most."""
        return self.filter(revoked_at__isnull=True)


class Invitation(models.Model):
    """A patient asked by mail to begin. Its link opens the way to consent, and no more."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="invitation_known_in_clinic"),
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="invitation_of_clinic"
            ),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(revoked_at__isnull=True), name="invitation_one_live"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="invitation_expires_later"
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation {self.pk}"

    def works(self, now: datetime) -> bool:
        """Answer whether its link still opens the way."""
        return self.revoked_at is None and now < self.expires_at


class ConsentQuerySet(models.QuerySet["Consent"]):
    """Reads of consents."""

    def in_force(self) -> "ConsentQuerySet":
        """Return consents not taken back."""
        return self.filter(withdrawn_at__isnull=True)


class Consent(models.Model):
    """A patient agreed to one version of the text. Only its end may be added."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="consents")
    version = models.CharField(max_length=20)
    language = models.CharField(max_length=2)
    text_hash = models.CharField(max_length=64, help_text="Of the very words that were shown.")
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="consent_of_clinic"
            ),
            models.UniqueConstraint(
                fields=["patient"], condition=Q(withdrawn_at__isnull=True), name="consent_one"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("given_at")),
                name="consent_withdrawn_later",
            ),
        ]
        triggers: ClassVar = [
            kept("consent_kept"),
            pgtrigger.Protect(
                name="consent_ends_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__withdrawn_at__isnull=False),
            ),
            pgtrigger.ReadOnly(
                name="consent_as_given",
                fields=["clinic", "patient", "version", "language", "text_hash", "given_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"Consent to version {self.version}"


class SignInCode(models.Model):
    """One code, asked for in one browser. Who is no patient gets a row of the same shape."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(
        Patient, null=True, blank=True, on_delete=models.PROTECT, related_name="sign_in_codes"
    )
    address_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Used, or taken back.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(tries__lte=CODE_TRIES), name="code_tries_bounded"),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="code_expires_later"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return f"Code {self.pk}"

    def works(self, now: datetime) -> bool:
        """Answer whether it may still be typed in."""
        return self.ended_at is None and now < self.expires_at and self.tries < CODE_TRIES


class PatientSession(models.Model):
    """One browser in which a patient is signed in. Staff have other sessions altogether."""

    class Kind(models.TextChoices):
        """What it opens."""

        ENROL = "enrol", "Consent and preferences only"
        FULL = "full", "The own pages"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="own_sessions")
    kind = models.CharField(max_length=5, choices=Kind)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(
                fields=["patient"], condition=Q(ended_at__isnull=True), name="patient_session_open"
            ),
            models.Index(fields=["last_seen_at"]),
        ]

    def __str__(self) -> str:
        return f"Session {self.pk}"

    def works(self, now: datetime) -> bool:
        """Answer whether it is neither ended, nor idle for too long, nor too old."""
        fresh = now < self.last_seen_at + IDLE and now < self.created_at + ABSOLUTE
        return self.ended_at is None and fresh
