"""One message to one person, and every attempt to hand it over."""

import uuid
from datetime import datetime
from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.tokens import hash_token
from apps.alerts.ladder import RUNG_LABELS, Rung
from apps.alerts.models.alert import Alert
from apps.alerts.models.channel import Channel, Gateway
from apps.alerts.states import DELIVERY_TRANSITIONS, AlertStatus, DeliveryStatus, pairs
from apps.patients.models import StaffMember

# Results of an attempt after which nobody knows whether the mail left (apps/alerts/smtp.py,
# and the sweep for a sender that died).
MAY_HAVE_LEFT = ("started", "unclear", "unknown")
# Not a rung of the ladder: a colleague gave the alert to this person.
HANDED_OVER = "handed_over"
DELIVERY_RUNGS = [*((r.value, RUNG_LABELS[r]) for r in Rung), (HANDED_OVER, "Handed over to you")]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Reads of deliveries."""

    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages to be tried by `now`, most severe first, then oldest.

        None for an alert that somebody has taken meanwhile, except to the owner it was
        handed over to.
        """
        return (
            self.filter(
                Q(alert__status=AlertStatus.OPEN)
                | Q(
                    rung=HANDED_OVER,
                    alert__status=AlertStatus.ACKNOWLEDGED,
                    alert__owner_id=F("recipient__user_id"),
                ),
                status=DeliveryStatus.PENDING,
                next_attempt_at__lte=now,
            )
            .select_related("alert__clinic", "recipient__user")
            .order_by("priority", "next_attempt_at")
        )

    def with_link(self, token: str) -> "DeliveryQuerySet":
        """Return the delivery whose mail holds this link, if there is one."""
        return self.filter(link_hash=hash_token(token))

    def lease_expired(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages whose sender has died or hung: nobody knows whether they left."""
        return self.filter(status=DeliveryStatus.SENDING, lease_until__lte=now)

    def unconfirmed(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages of which it is not known in time that they arrived."""
        return self.filter(confirm_by__lte=now)

    def reachable(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages that have arrived or may soon: not those that wait for the morning."""
        alive = [DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.SENT]
        rows = self.filter(status__in=alive).exclude(receipt__in=Delivery.NOT_ARRIVED)
        return rows.exclude(status=DeliveryStatus.PENDING, quiet_until__gt=now)


class Delivery(models.Model):
    """One message about one alert to one person on one rung, over one channel."""

    class Receipt(models.TextChoices):
        """What is known of a message after the server has taken it."""

        DELIVERED = "delivered", "Arrived"
        UNDELIVERED = "undelivered", "Not delivered"
        UNKNOWN = "unknown", "No word that it arrived"

    NOT_ARRIVED: ClassVar = [Receipt.UNDELIVERED, Receipt.UNKNOWN]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="deliveries")
    recipient = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.EMAIL)
    gateway = models.ForeignKey(
        Gateway, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    way = models.PositiveSmallIntegerField(
        default=0, help_text="Which of the person's ways in this round, from 0."
    )
    address = models.CharField(
        max_length=254, blank=True, help_text="Where it goes; empty means the sign-in address."
    )
    rung = models.CharField(max_length=12, choices=DELIVERY_RUNGS)
    round = models.PositiveSmallIntegerField(help_text="Step of the ladder, from 0.")
    priority = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=10,
        choices=[(s.value, s.value.capitalize()) for s in DeliveryStatus],
        default=DeliveryStatus.PENDING,
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    # Accepted is not delivered: unless it is known by then, the person's next channel is tried.
    confirm_by = models.DateTimeField(null=True, blank=True)
    receipt = models.CharField(max_length=12, choices=Receipt, blank=True)
    receipt_at = models.DateTimeField(null=True, blank=True)
    quiet_until = models.DateTimeField(
        null=True, blank=True, help_text="It waited for the end of its recipient's quiet hours."
    )
    despite_quiet = models.BooleanField(
        default=False, help_text="Nobody else could be told: quiet hours do not hold it back."
    )
    # The link with which the recipient takes the alert: apps/alerts/links.py.
    link_hash = models.CharField(max_length=64, unique=True, null=True, blank=True)
    link_expires_at = models.DateTimeField(null=True, blank=True)
    link_used_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["alert", "recipient", "round", "way"], name="delivery_once_per_round"
            ),
            models.CheckConstraint(
                condition=Q(
                    status=DeliveryStatus.PENDING,
                    next_attempt_at__isnull=False,
                    lease_token__isnull=True,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.SENDING,
                    lease_token__isnull=False,
                    lease_until__isnull=False,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.SENT,
                    sent_at__isnull=False,
                    lease_token__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.FAILED,
                    failed_at__isnull=False,
                    lease_token__isnull=True,
                    sent_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.CANCELLED,
                    lease_token__isnull=True,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                ),
                name="delivery_state_possible",
            ),
            models.CheckConstraint(
                condition=Q(channel=Channel.EMAIL.value, gateway__isnull=True)
                | (~Q(channel=Channel.EMAIL.value) & Q(gateway__isnull=False) & ~Q(address="")),
                name="delivery_gateway_unless_mail",
            ),
            models.CheckConstraint(
                condition=Q(receipt="", receipt_at__isnull=True)
                | (~Q(receipt="") & Q(receipt_at__isnull=False)),
                name="delivery_receipt_has_a_time",
            ),
            models.CheckConstraint(
                condition=Q(link_hash__isnull=True, link_used_at__isnull=True)
                | Q(link_hash__isnull=False, link_expires_at__gt=models.F("created_at")),
                name="delivery_link_expires",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["priority", "next_attempt_at"],
                name="delivery_due",
                condition=Q(status=DeliveryStatus.PENDING),
            ),
            models.Index(
                fields=["lease_until"],
                name="delivery_leased",
                condition=Q(status=DeliveryStatus.SENDING),
            ),
            models.Index(
                fields=["confirm_by"],
                name="delivery_unconfirmed",
                condition=Q(confirm_by__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.FSM(
                name="delivery_transition", field="status", transitions=pairs(DELIVERY_TRANSITIONS)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} of {self.alert.reference}, round {self.round}"

    @property
    def goes_to(self) -> str:
        """The address of its recipient: the one they proved, else the one they sign in with."""
        return self.address or self.recipient.user.email

    @property
    def is_wanted(self) -> bool:
        """Whether this person still has to hear of it: nobody has it, or it was given to them."""
        alert = self.alert
        return alert.status == AlertStatus.OPEN or (
            self.rung == HANDED_OVER
            and alert.status == AlertStatus.ACKNOWLEDGED
            and alert.owner_id == self.recipient.user_id
        )

    def may_have_left(self) -> bool:
        """Answer whether an earlier attempt may have arrived: this one is then a repeat."""
        earlier = self.tries.filter(number__lt=self.attempts)
        return self.attempts > 1 and earlier.filter(result__in=MAY_HAVE_LEFT).exists()


class DeliveryAttempt(models.Model):
    """One try to hand a message to the mail server, with the server's own words."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=12, default="started")
    reply = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_numbered_once"),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.result}"
