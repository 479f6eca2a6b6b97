"""Ways out besides e-mail: a clinic's gateways, what they report back, and quiet hours."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q

from apps.accounts.models import User
from apps.alerts.models.guards import known
from apps.patients.models import Clinic, StaffMember


class Channel(models.TextChoices):
    """What kind of message reaches a person."""

    EMAIL = "email", "E-mail"
    SMS = "sms", "Text message"
    PUSH = "push", "Push message"
    CHAT = "chat", "Chat message"
    PAGER = "pager", "Paging service"


OTHER_CHANNELS = [channel.value for channel in Channel if channel != Channel.EMAIL]


class Gateway(models.Model):
    """A clinic's account with a service that sends something other than mail.

    The address of such a service holds its password: it is stored sealed
    (apps/alerts/sealed.py) and never shown again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clinic = models.ForeignKey(Clinic, on_delete=models.PROTECT, related_name="gateways")
    channel = models.CharField(
        max_length=10, choices=[c for c in Channel.choices if c[0] in OTHER_CHANNELS]
    )
    name = models.CharField(max_length=60)
    sealed_url = models.TextField(help_text="Sealed; never shown, logged or exported.")
    masked_url = models.CharField(max_length=60, help_text="What the pages show of it.")
    sealed_secret = models.TextField(blank=True, help_text="Signs the reports of the service.")
    confirms = models.BooleanField(
        default=False, help_text="It reports whether a message arrived, under our reference."
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["channel", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["clinic", "name"], condition=Q(is_active=True), name="gateway_named_once"
            ),
            known("gateway_is_not_mail", "channel", OTHER_CHANNELS),
            models.CheckConstraint(
                condition=Q(confirms=False) | ~Q(sealed_secret=""),
                name="gateway_reports_are_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.name}"


class GatewayReport(models.Model):
    """The id of one signed report that was taken, so that its copy is refused.

    Kept as long as the signature's own time would let a copy in.
    """

    gateway = models.ForeignKey(Gateway, on_delete=models.PROTECT, related_name="+")
    message_id = models.CharField(max_length=200)
    received_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["gateway", "message_id"], name="gateway_report_taken_once"
            ),
        ]

    def __str__(self) -> str:
        return self.message_id


class QuietHours(models.Model):
    """When one person wants to hear of nothing below an emergency, in their own zone."""

    member = models.OneToOneField(
        StaffMember, on_delete=models.PROTECT, related_name="quiet_hours", primary_key=True
    )
    begins = models.TimeField()
    ends = models.TimeField(help_text="At or before “begins” means the next day.")
    time_zone = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(begins=F("ends")), name="quiet_hours_have_an_end"),
        ]

    def __str__(self) -> str:
        return f"{self.begins:%H:%M} to {self.ends:%H:%M}, {self.time_zone}"

    def windows(self, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
        """Yield begin and end of the quiet hours that begin on each of these days, in order."""
        zone = ZoneInfo(self.time_zone)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            following = day if self.ends > self.begins else day + timedelta(days=1)
            # As instants: on the night the clocks change local times mislead.
            yield (
                datetime.combine(day, self.begins, tzinfo=zone).astimezone(UTC),
                datetime.combine(following, self.ends, tzinfo=zone).astimezone(UTC),
            )

    def until(self, now: datetime) -> datetime | None:
        """Return when the quiet hours that run at `now` end, None outside them."""
        today = now.astimezone(ZoneInfo(self.time_zone)).date()
        nights = self.windows(today - timedelta(days=1), today)
        return next((ends for begins, ends in nights if begins <= now < ends), None)
