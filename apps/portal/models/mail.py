"""One mail of these pages, as a row: it survives whatever process dies."""

import uuid
from datetime import datetime
from typing import ClassVar, cast

from django.db import models
from django.db.models import F, Q

from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, Patient
from apps.portal.models.entry import Invitation, SignInCode
from apps.portal.models.trusted import TrustedPerson


class MailQuerySet(models.QuerySet["PortalMail"]):
    """Reads of mails; each has its index."""

    def due(self, now: datetime) -> "MailQuerySet":
        """Return mails to be sent now, the longest waiting first."""
        due = self.filter(state=PortalMail.State.PENDING, next_attempt_at__lte=now)
        return due.order_by("next_attempt_at")

    def lease_expired(self, now: datetime) -> "MailQuerySet":
        """Return mails whose sender did not come back."""
        return self.filter(state=PortalMail.State.SENDING, lease_until__lte=now)


class PortalMail(models.Model):
    """An invitation, a sign-in code or a trusted person's link on its way."""

    class Kind(models.TextChoices):
        """What it brings; `code` is the only one that is worthless after minutes."""

        INVITATION = "invitation", "Invitation"
        CODE = "code", "Sign-in code"
        TRUSTED = "trusted", "Link of a trusted person"

    class State(models.TextChoices):
        """Where it stands; the last four are for good."""

        PENDING = "pending", "On its way"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Accepted by the mail server"
        FAILED = "failed", "Cannot be delivered"
        CANCELLED = "cancelled", "Not needed any more"
        NOBODY = "nobody", "Asked for by nobody we know"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, null=True, on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey(
        Patient, null=True, on_delete=models.PROTECT, related_name="portal_mails"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    invitation = models.ForeignKey(
        Invitation, null=True, on_delete=models.PROTECT, related_name="mails"
    )
    code = models.ForeignKey(SignInCode, null=True, on_delete=models.PROTECT, related_name="mails")
    trusted = models.ForeignKey(
        TrustedPerson, null=True, on_delete=models.PROTECT, related_name="mails"
    )
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            SameClinic(
                field="patient_id", to="patients_patient", column="id", name="mail_of_clinic"
            ),
            SameClinic(
                field="invitation_id",
                to="portal_invitation",
                column="id",
                name="mail_invitation_of_clinic",
            ),
            SameClinic(
                field="trusted_id",
                to="portal_trustedperson",
                column="id",
                name="mail_trusted_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(kind="invitation", invitation__isnull=False, code=None, trusted=None)
                | Q(kind="code", invitation=None, code__isnull=False, trusted=None)
                | Q(kind="trusted", invitation=None, code=None, trusted__isnull=False),
                name="portal_mail_has_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(state="nobody", patient=None, clinic=None, kind="code")
                | ~Q(state="nobody") & Q(patient__isnull=False, clinic__isnull=False),
                name="portal_mail_has_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", lease_token__isnull=False, lease_until__isnull=False)
                | ~Q(state="sending") & Q(lease_token__isnull=True, lease_until__isnull=True),
                name="portal_mail_sending_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", next_attempt_at__isnull=False)
                | ~Q(state="pending") & Q(next_attempt_at__isnull=True),
                name="portal_mail_pending_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=("pending", "sending"), ended_at__isnull=True)
                | ~Q(state__in=("pending", "sending")) & Q(ended_at__gte=F("created_at")),
                name="portal_mail_ended_has_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"),
                         name="portal_mail_due"),
            models.Index(fields=["lease_until"], condition=Q(state="sending"),
                         name="portal_mail_lease"),
            models.Index(fields=["patient", "-created_at"]),
        ]  # fmt: skip

    @property
    def wall(self) -> uuid.UUID:
        """The clinic in which it is sent; one to nobody has none, and is never sent."""
        return cast("uuid.UUID", self.clinic_id)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_state_display().lower()}"

    @property
    def is_live(self) -> bool:
        """Whether it may still leave."""
        return self.state in (self.State.PENDING, self.State.SENDING)

    def is_wanted(self, now: datetime) -> bool:
        """Answer whether what it brings still works: nobody gets a dead code or link."""
        subject = self.invitation or self.trusted or self.code
        return subject is not None and subject.works(now)
