"""Who is let in, as what, and who opened a record without the right."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.accounts.models.user import User
from apps.accounts.tokens import hash_token, token_of
from apps.database.same_clinic import SameClinic

INVITATION_SALT = "apps.accounts.models.Invitation"


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
    waits = models.BooleanField(
        default=False, db_default=False, help_text="For a clinical lead, who has not agreed yet."
    )

    objects = StaffInvitationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "id"], name="staff_invitation_known_in_clinic"
            ),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitation_lower_case"),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(revoked_at=None), name="invitation_one_end"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None) | Q(waits=False), name="invitation_agreed_before_used"
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
    def lifetime(self) -> timedelta:
        """How long its link was to work when it was made."""
        return self.expires_at - self.created_at

    @property
    def token(self) -> str:
        """The secret of its link."""
        return token_of(INVITATION_SALT, self.pk)

    def works(self, now: datetime) -> bool:
        """Answer whether its link can still be used."""
        ended = self.accepted_at is not None or self.revoked_at is not None
        return not (ended or self.waits) and now < self.expires_at


class RoleChangeQuerySet(models.QuerySet["RoleChange"]):
    """Reads of what the clinical leads are told, and asked."""

    def waiting(self) -> "RoleChangeQuerySet":
        """Return those that a clinical lead has not answered."""
        return self.filter(state=RoleChange.State.WAITING)


class RoleChange(models.Model):
    """A clinic admin gives or takes a role with clinical rights: the clinical leads are told.

    One that waits does nothing until a clinical lead agrees. Rows stay, as who agreed to what.
    """

    class What(models.TextChoices):
        """What the admin does."""

        INVITED = "invited", "Invited as"
        CHANGED = "changed", "Given the role"
        BACK = "back", "Let in again as"
        ENDED = "ended", "No longer"
        PROOFS = "proofs", "Begins again with password and second factor, as"

    class State(models.TextChoices):
        """Whether it happened."""

        DONE = "done", "Done, you are told of it"
        WAITING = "waiting", "Waits for a clinical lead"
        AGREED = "agreed", "Agreed to"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey("patients.Clinic", on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=7, choices=What)
    role = models.CharField(max_length=20)
    invitation = models.ForeignKey(
        Invitation, null=True, on_delete=models.PROTECT, related_name="role_changes"
    )
    member = models.ForeignKey(
        "patients.StaffMember", null=True, on_delete=models.PROTECT, related_name="+"
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State)
    agreement = models.CharField(
        max_length=200, blank=True, default="", db_default="",
        help_text="Who agreed, and how, as the admin wrote it: no clinical lead was there.",
    )  # fmt: skip
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = RoleChangeQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["clinic", "id"], name="role_change_known_in_clinic"),
            SameClinic(
                field="invitation_id",
                to="accounts_invitation",
                column="id",
                name="role_change_invitation_of_clinic",
            ),
            SameClinic(
                field="member_id",
                to="patients_staffmember",
                column="id",
                name="role_change_member_of_clinic",
            ),
            models.CheckConstraint(
                condition=Q(what="invited", invitation__isnull=False, member=None)
                | ~Q(what="invited") & Q(invitation=None, member__isnull=False),
                name="role_change_has_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=("agreed", "refused"),
                    decided_by__isnull=False,
                    decided_at__gte=models.F("at"),
                )
                | ~Q(state__in=("agreed", "refused")) & Q(decided_by=None, decided_at=None),
                name="role_change_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=models.F("by")),
                name="role_change_decided_by_another",
            ),
            models.UniqueConstraint(
                fields=["member"], condition=Q(state="waiting"), name="role_change_one_waiting"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["clinic", "-at"])]

    def __str__(self) -> str:
        return f"Role change {self.pk}"

    @property
    def came_to_nothing(self) -> bool:
        """Answer whether it waited and was never done."""
        return self.state in (self.State.REFUSED, self.State.WITHDRAWN)

    @property
    def role_words(self) -> str:
        """The role, as people say it."""
        words = type(self)._meta.apps.get_model("patients", "StaffMember")._meta.get_field("role")
        return str(dict(words.flatchoices).get(self.role, self.role))

    @property
    def whom(self) -> str:
        """Whose role it is: the name, or the address of who has not joined yet."""
        if self.member is not None:
            return self.member.user.full_name
        return self.invitation.email if self.invitation else ""


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
