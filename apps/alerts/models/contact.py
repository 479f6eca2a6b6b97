"""How a member of staff is reached, and the proof that they are."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Final, TypeAlias

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.alerts.models.channel import Channel, Gateway
from apps.alerts.models.guards import known
from apps.patients.models import StaffMember

CODE_LIFETIME: Final = timedelta(minutes=10)  # the most that ASVS 5.0, 6.5.5 allows
CODE_TRIES: Final = 5


class ContactMethodQuerySet(models.QuerySet["ContactMethod"]):
    """Reads of contact methods."""

    def verified(self) -> "ContactMethodQuerySet":
        """Return the ways that have reached their person once, the preferred first."""
        usable = Q(gateway__isnull=True) | Q(gateway__is_active=True)
        return self.filter(usable, verified_at__isnull=False).order_by("position", "created_at")

    def unusable(self) -> "ContactMethodQuerySet":
        """Return the ways that carry no alert: unproved, or through a gateway that is off."""
        return self.filter(Q(verified_at__isnull=True) | Q(gateway__is_active=False))


class SendingResult(models.TextChoices):
    """What came of the last message to this address."""

    WAITING = "waiting", "on its way"
    ACCEPTED = "accepted", "accepted by the server"
    ARRIVED = "arrived", "arrived"
    REFUSED = "refused", "not accepted"


class ContactMethod(models.Model):
    """One address of one member of staff; used for alerts once its code came back."""

    TestResult: TypeAlias = SendingResult

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="contacts")
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    gateway = models.ForeignKey(
        Gateway, null=True, blank=True, on_delete=models.PROTECT, related_name="contacts"
    )
    address = models.CharField(max_length=254)
    position = models.PositiveSmallIntegerField(default=0, help_text="The lowest is tried first.")
    created_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    code_made_at = models.DateTimeField()
    code_tries = models.PositiveSmallIntegerField(default=0)
    # A code or a test to be sent: whoever comes first, a worker or the dispatcher, sends it.
    send_due_at = models.DateTimeField(null=True, blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    test_result = models.CharField(max_length=10, choices=TestResult, blank=True)
    test_reply = models.CharField(max_length=300, blank=True)

    objects = ContactMethodQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["position", "created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["member", "channel", "gateway", "address"],
                nulls_distinct=False,
                name="contact_once_per_member",
            ),
            known("contact_channel_known", "channel", Channel),
            known("contact_test_result_known", "test_result", SendingResult, blank=True),
            models.CheckConstraint(
                condition=Q(channel=Channel.EMAIL.value) ^ Q(gateway__isnull=False),
                name="contact_gateway_unless_mail",
            ),
            models.CheckConstraint(
                condition=~Q(channel=Channel.EMAIL.value) | Q(address=Lower("address")),
                name="contact_address_lower_case",
            ),
            models.CheckConstraint(
                condition=Q(code_tries__lte=CODE_TRIES), name="contact_code_tries_bounded"
            ),
            models.CheckConstraint(
                condition=Q(verified_at__isnull=True) | Q(verified_at__gte=F("created_at")),
                name="contact_verified_after_it_was_made",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} of {self.member_id}"

    @property
    def is_mail(self) -> bool:
        """Whether it is a mail address."""
        return self.channel == Channel.EMAIL

    def code_works(self, now: datetime) -> bool:
        """Answer whether the code last sent may still be typed in."""
        return now < self.code_made_at + CODE_LIFETIME and self.code_tries < CODE_TRIES
