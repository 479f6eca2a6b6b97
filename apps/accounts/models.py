"""The user: a member of a clinic's staff. Patients have no user and no password."""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac

from apps.accounts.tokens import hash_token, token_of
from apps.database.same_clinic import SameClinic

SESSION_SALT = "apps.accounts.models.User.session"
INVITATION_SALT = "apps.accounts.models.Invitation"


class UserManager(BaseUserManager["User"]):
    """Make users whose e-mail address is kept in lower case."""

    def create_user(self, *, email: str, full_name: str, password: str | None = None) -> "User":
        """Return a saved user; without a password they can sign in only by another way."""
        user = self.model(email=email.strip().lower(), full_name=full_name)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user with this e-mail address, whatever its case."""
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser):
    """A person on the staff of one or more clinics."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    full_name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)
    session_epoch = models.PositiveIntegerField(
        default=0, help_text="Part of every session's key: one more ends all of them at once."
    )

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["full_name"]

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(email=Lower("email")), name="user_email_lower_case"
            ),
        ]

    def __str__(self) -> str:
        return self.full_name

    def get_full_name(self) -> str:
        """Return the name shown on every page and in every record."""
        return self.full_name

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        # Django compares this with what the session holds on every request.
        text = f"{self.password} {self.session_epoch}"
        return salted_hmac(SESSION_SALT, text, secret=secret, algorithm="sha256").hexdigest()


class StaffInvitationQuerySet(models.QuerySet["Invitation"]):
    """Reads of invitations."""

    def waiting(self) -> "StaffInvitationQuerySet":
        """Return those that were neither accepted nor withdrawn."""
        return self.filter(accepted_at=None, revoked_at=None)

    def with_token(self, token: str) -> "StaffInvitationQuerySet":
        """Return the one that this link belongs to, whatever became of it."""
        return self.filter(token_hash=hash_token(token))


class Invitation(models.Model):
    """A clinic admin asks somebody to join the staff; the link in its mail works once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey("patients.Clinic", on_delete=models.PROTECT, related_name="+")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=20)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = StaffInvitationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitation_lower_case"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_one_end"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["clinic", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="invitation_one_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation {self.pk}"

    @property
    def token(self) -> str:
        """The secret of its link."""
        return token_of(INVITATION_SALT, self.pk)

    def works(self, now: datetime) -> bool:
        """Answer whether its link can still be used."""
        return self.accepted_at is None and self.revoked_at is None and now < self.expires_at


class EmergencyAccessQuerySet(models.QuerySet["EmergencyAccess"]):
    """Reads of broken glass."""

    def in_force(self, now: datetime) -> "EmergencyAccessQuerySet":
        """Return those that open a record now."""
        return self.filter(opened_at__lte=now, ends_at__gt=now)


class EmergencyAccess(models.Model):
    """Somebody without the right opened one patient's record, said why, and the lead is told."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey("patients.Clinic", on_delete=models.PROTECT, related_name="+")
    member = models.ForeignKey("patients.StaffMember", on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("patients.Patient", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    lead_told_at = models.DateTimeField(null=True, blank=True)

    objects = EmergencyAccessQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id",
                to="patients_patient",
                column="id",
                name="emergency_access_of_clinic",
            ),
            SameClinic(
                field="member_id",
                to="patients_staffmember",
                column="id",
                name="emergency_access_member_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("opened_at")), name="emergency_access_ends"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="emergency_access_has_a_reason"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["member", "patient", "ends_at"]),
            models.Index(
                fields=["opened_at"],
                condition=Q(lead_told_at=None),
                name="emergency_access_untold",
            ),
        ]

    def __str__(self) -> str:
        return f"Emergency access {self.pk}"
