"""One mail about somebody's access, as a row."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.accounts.models.access import Invitation, RoleChange
from apps.accounts.models.user import User
from apps.database.same_clinic import SameClinic


class StaffMailQuerySet(models.QuerySet["StaffMail"]):
    """Reads of mails to the staff; each has its index."""

    def due(self, now: datetime) -> "StaffMailQuerySet":
        """Return mails to be sent now, the longest waiting first."""
        due = self.filter(state=StaffMail.State.PENDING, next_attempt_at__lte=now)
        return due.order_by("next_attempt_at")

    def lease_expired(self, now: datetime) -> "StaffMailQuerySet":
        """Return mails whose sender did not come back."""
        return self.filter(state=StaffMail.State.SENDING, lease_until__lte=now)


class StaffMail(models.Model):
    """A mail about somebody's access, as a row: it survives whatever process dies.

    The row names its subject and no secret: links are worked out when the mail is written. One
    asked for by an address that nobody has is as big, and is never sent.
    """

    class Kind(models.TextChoices):
        """What it brings."""

        RESET = "reset", "Link for a new password"
        INVITATION = "invitation", "Invitation"
        ROLE = "role", "A role that a clinical lead hears of"

    class State(models.TextChoices):
        """Where it stands; the last four are for good."""

        PENDING = "pending", "On its way"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Accepted by the mail server"
        FAILED = "failed", "Cannot be delivered"
        CANCELLED = "cancelled", "Not needed any more"
        NOBODY = "nobody", "Asked for by nobody we know"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(
        "patients.Clinic", null=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    invitation = models.ForeignKey(
        Invitation, null=True, on_delete=models.PROTECT, related_name="mails"
    )
    role_change = models.ForeignKey(
        RoleChange, null=True, on_delete=models.PROTECT, related_name="mails"
    )
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = StaffMailQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="invitation_id",
                to="accounts_invitation",
                column="id",
                name="staff_mail_invitation_of_clinic",
            ),
            SameClinic(
                field="role_change_id",
                to="accounts_rolechange",
                column="id",
                name="staff_mail_role_change_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(kind="reset", clinic=None, invitation=None, role_change=None)
                | Q(
                    kind="invitation",
                    clinic__isnull=False,
                    invitation__isnull=False,
                    user=None,
                    role_change=None,
                )
                | Q(
                    kind="role",
                    clinic__isnull=False,
                    invitation=None,
                    user__isnull=False,
                    role_change__isnull=False,
                ),
                name="staff_mail_has_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(state="nobody", kind="reset", user=None)
                | ~Q(state="nobody") & (~Q(kind="reset") | Q(user__isnull=False)),
                name="staff_mail_has_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", lease_token__isnull=False, lease_until__isnull=False)
                | ~Q(state="sending") & Q(lease_token__isnull=True, lease_until__isnull=True),
                name="staff_mail_sending_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False)
                | ~Q(state="pending") & Q(next_attempt_at__isnull=True),
                name="staff_mail_pending_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("pending", "sending"), ended_at__isnull=True)
                | ~Q(state__in=("pending", "sending")) & Q(ended_at__gte=models.F("created_at")),
                name="staff_mail_ended_has_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"),
                         name="staff_mail_due"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"),
                         name="staff_mail_lease"),
            models.Index(fields=["created_at"], condition=Q(kind="reset"), name="staff_mail_reset"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_state_display().lower()}"

    def is_wanted(self, now: datetime) -> bool:
        """Answer whether what it brings still helps: nobody gets a dead link."""
        if self.invitation is not None:
            return self.invitation.works(now)
        if self.role_change is not None:
            if self.role_change.came_to_nothing:
                return False
            mine = self.role_change.member
            ended = mine is not None and mine.user_id == self.user_id and not mine.is_active
            return self.user is not None and (self.user.is_active or ended)
        asked = timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
        return self.user is not None and self.user.is_active and now < self.created_at + asked
