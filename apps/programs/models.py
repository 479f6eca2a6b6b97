"""Programs of a clinic, the short-lived tokens they ask with, and answers kept for a repeat."""

import uuid
from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.database.same_clinic import SameClinic
from apps.patients.models import Clinic, StaffMember
from apps.programs.scopes import Scope


class ProgramQuerySet(models.QuerySet["Program"]):
    """Reads of programs."""

    def not_ended(self) -> "ProgramQuerySet":
        """Return those that work, and those that wait for their person."""
        return self.filter(revoked_at=None)

    def acting_for(self, member: StaffMember) -> "ProgramQuerySet":
        """Return those that ask to act, act, or acted in this person's name."""
        return self.filter(member=member)


class Program(models.Model):
    """A program that a clinic lets in. It acts in the name of one person, who agreed to it."""

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, editable=False, help_text="Its client_id."
    )
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope))
    member = models.ForeignKey(
        StaffMember, on_delete=models.PROTECT, related_name="+",
        help_text="In whose name it acts, within whose rights and no further.",
    )  # fmt: skip
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    agreed_at = models.DateTimeField(null=True, blank=True)
    secret_hash = models.CharField(max_length=64, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    last_token_at = models.DateTimeField(null=True, blank=True)
    minute_at = models.DateTimeField(null=True, blank=True, help_text="The minute counted below.")
    asked = models.PositiveIntegerField(default=0, help_text="Questions in that minute.")

    objects = ProgramQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name", "created_at"]
        constraints: ClassVar = [
            SameClinic(
                field="member_id", to="patients_staffmember", column="id", name="program_of_clinic"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="program_has_a_name"),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=list(Scope.values)) & ~Q(scopes=[]),
                name="program_known_scopes",
            ),
            models.CheckConstraint(
                condition=Q(agreed_at=None, secret_hash="")
                | (Q(agreed_at__isnull=False) & ~Q(secret_hash="")),
                name="program_secret_only_when_agreed",
            ),
            models.CheckConstraint(
                condition=Q(revoked_at=None, revoked_by=None)
                | Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="program_revoked_by_somebody",
            ),
            models.UniqueConstraint(
                fields=["clinic", "name"],
                condition=Q(revoked_at=None),
                name="program_named_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def scope_words(self) -> list[str]:
        """What it may ask for, in words."""
        return [str(Scope(each).label) for each in self.scopes]

    @property
    def works(self) -> bool:
        """Whether it may act now: agreed to, not ended, and its person works here."""
        person = self.member
        at_work = person.is_active and person.user.is_active
        return self.agreed_at is not None and self.revoked_at is None and at_work


class AccessToken(models.Model):
    """What a program shows with each question; only the hash of it is kept."""

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=30, choices=Scope))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="access_token_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"Access token {self.pk}"

    def is_valid(self, now: datetime) -> bool:
        """Answer whether it can still be used; its program must work besides."""
        return now < self.expires_at


class KeptAnswer(models.Model):
    """What a program was answered under an Idempotency-Key: asked again, it hears the same.

    Its row is stored in the transaction of the act, so that either both are there or neither.
    """

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="+")
    key_hash = models.CharField(max_length=64)
    asked_hash = models.CharField(max_length=64, help_text="Of method, address and body.")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "key_hash"], name="kept_answer_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"Kept answer {self.pk}"
