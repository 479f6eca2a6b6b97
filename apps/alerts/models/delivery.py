"""One message to one person, and every attempt to hand it over."""

import uuid
from datetime import datetime
from typing import ClassVar, TypeAlias

import pgtrigger
from django.db import models
from django.db.models import F, Q

from apps.accounts.tokens import hash_token
from apps.alerts.ladder import MAX_ATTEMPTS, RUNG_LABELS, Rung
from apps.alerts.models.alert import Alert, may_act
from apps.alerts.models.channel import Channel, Gateway
from apps.alerts.models.guards import begins, fixed, keys, known, never_emptied, once
from apps.alerts.models.reached import remembered_by_alerts
from apps.alerts.states import DELIVERY_TRANSITIONS, AlertStatus, DeliveryStatus, pairs
from apps.database.kept_rows import kept
from apps.patients.models import StaffMember
from config.tracing import current_id

# Results of an attempt after which nobody knows whether the mail left (apps/alerts/smtp.py,
# and the sweep for a sender that died).
MAY_HAVE_LEFT = ("started", "unclear", "unknown")
# Not a rung of the ladder: a colleague gave the alert to this person.
HANDED_OVER = "handed_over"
DELIVERY_RUNGS = [*((r.value, RUNG_LABELS[r]) for r in Rung), (HANDED_OVER, "Handed over to you")]


# What a message is from its first day to its last, and what is known of it for good.
DELIVERY_FIXED = (
    "id", "alert", "recipient", "channel", "gateway", "way", "address", "rung", "round",
    "priority", "created_at", "link_hash",
)  # fmt: skip
DELIVERY_ONCE = ("sent_at", "failed_at", "link_used_at")
ATTEMPT_RESULTS = (
    "started", "sent", "temporary", "throttled", "permanent", "unclear", "unknown",
    "unwanted",
)  # fmt: skip
OF_ITS_ALERT = """
IF NOT EXISTS (
    SELECT FROM alerts_alert a JOIN patients_staffmember m
        ON m.clinic_id = coalesce(a.drill_of_id, a.clinic_id)
    WHERE a.id = NEW.alert_id AND a.priority = NEW.priority AND m.id = NEW.recipient_id
) OR (NEW.gateway_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM alerts_alert a JOIN alerts_gateway g
        ON g.clinic_id = coalesce(a.drill_of_id, a.clinic_id)
    WHERE a.id = NEW.alert_id AND g.id = NEW.gateway_id
)) THEN RAISE EXCEPTION 'This message is not of the clinic and priority of its alert.';
END IF; RETURN NEW;
"""


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Reads of deliveries."""

    def due(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages to be tried by `now`, most severe first, then oldest.

        None to somebody who has left, and none for an alert that somebody has taken.
        """
        return (
            self.wanted()
            .to_staff()
            .filter(status=DeliveryStatus.PENDING, next_attempt_at__lte=now)
            .select_related("alert__clinic", "recipient__user")
            .order_by("priority", "next_attempt_at")
        )

    def wanted(self) -> "DeliveryQuerySet":
        """Return messages whose recipient still has to hear: nobody has it, or it is theirs."""
        return self.filter(
            Q(alert__status=AlertStatus.OPEN)
            | Q(
                rung=HANDED_OVER,
                alert__status=AlertStatus.ACKNOWLEDGED,
                alert__owner_id=F("recipient__user_id"),
            )
        )

    def to_staff(self) -> "DeliveryQuerySet":
        """Return messages to people who may act on an alert now."""
        return self.filter(may_act("recipient"))

    def to_the_departed(self) -> "DeliveryQuerySet":
        """Return messages that wait for somebody who may not act on an alert any more."""
        return self.filter(~may_act("recipient"), status=DeliveryStatus.PENDING)

    def arrived(self) -> "DeliveryQuerySet":
        """Return messages that reached somebody who may act, as far as anybody knows.

        Accepted by a gateway that then reports a failure, or nothing in time, is not reached.
        """
        sent = self.to_staff().filter(status=DeliveryStatus.SENT)
        return sent.filter(receipt__in=["", Delivery.Receipt.DELIVERED])

    def with_link(self, token: str) -> "DeliveryQuerySet":
        """Return the delivery whose mail holds this link, if there is one."""
        return self.filter(link_hash=hash_token(token))

    def lease_expired(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages whose sender has died or hung: nobody knows whether they left."""
        return self.filter(status=DeliveryStatus.SENDING, lease_until__lte=now)

    def unconfirmed(self, now: datetime) -> "DeliveryQuerySet":
        """Return messages of which it is not known in time that they arrived."""
        return self.filter(confirm_by__lte=now)

    def reachable(self, now: datetime, level: str) -> "DeliveryQuerySet":
        """Return messages about an alert of this level that have arrived or may soon.

        Not those that wait for the morning, nor those tried as often as counts: "everyone"
        goes on being tried, but nobody may wait for it.
        """
        alive = [DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.SENT]
        rows = self.to_staff().filter(status__in=alive)
        return (
            rows.exclude(receipt__in=Delivery.NOT_ARRIVED)
            .exclude(status=DeliveryStatus.PENDING, quiet_until__gt=now)
            .exclude(status=DeliveryStatus.PENDING, attempts__gte=MAX_ATTEMPTS[level])
        )


class DeliveryReceipt(models.TextChoices):
    """What is known of a message after the server has taken it."""

    DELIVERED = "delivered", "Arrived"
    UNDELIVERED = "undelivered", "Not delivered"
    UNKNOWN = "unknown", "No word that it arrived"


class Delivery(models.Model):
    """One message about one alert to one person on one rung, over one channel."""

    Receipt: TypeAlias = DeliveryReceipt

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
    round = models.PositiveIntegerField(help_text="Step of the ladder, from 0.")
    priority = models.PositiveSmallIntegerField()
    status = models.CharField(
        max_length=10,
        choices=[(s.value, s.value.capitalize()) for s in DeliveryStatus],
        default=DeliveryStatus.PENDING,
    )
    attempts = models.PositiveIntegerField(default=0)
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
    # Whoever sends it logs under the id of the request that stored it.
    request_id = models.CharField(max_length=36, default=current_id, db_default="", blank=True)

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
                    lease_until__isnull=True,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.SENDING,
                    attempts__gte=1,
                    lease_token__isnull=False,
                    lease_until__isnull=False,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.SENT,
                    attempts__gte=1,
                    sent_at__isnull=False,
                    next_attempt_at__isnull=True,
                    lease_token__isnull=True,
                    lease_until__isnull=True,
                    failed_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.FAILED,
                    attempts__gte=1,
                    failed_at__isnull=False,
                    next_attempt_at__isnull=True,
                    lease_token__isnull=True,
                    lease_until__isnull=True,
                    sent_at__isnull=True,
                )
                | Q(
                    status=DeliveryStatus.CANCELLED,
                    next_attempt_at__isnull=True,
                    lease_token__isnull=True,
                    lease_until__isnull=True,
                    sent_at__isnull=True,
                    failed_at__isnull=True,
                ),
                name="delivery_state_possible",
            ),
            known("delivery_channel_known", "channel", Channel),
            known("delivery_rung_known", "rung", keys(DELIVERY_RUNGS)),
            known("delivery_receipt_known", "receipt", DeliveryReceipt, blank=True),
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
            begins("delivery_begins_pending", DELIVERY_TRANSITIONS),
            pgtrigger.Trigger(
                name="delivery_of_its_alert",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func=OF_ITS_ALERT,
            ),
            fixed("delivery_stays_itself", *DELIVERY_FIXED),
            once("delivery_known_once", *DELIVERY_ONCE),
            # Tries are never taken back, and that it arrived is final.
            pgtrigger.Protect(
                name="delivery_only_goes_on",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "NEW.attempts < OLD.attempts OR "
                    "(OLD.receipt = 'delivered' AND NEW.receipt <> 'delivered')"
                ),
            ),
            *remembered_by_alerts(),
            kept("delivery_kept"),
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

    @property
    def has_arrived(self) -> bool:
        """Whether it reached its recipient, as far as anybody knows; `arrived` asks the same."""
        return self.status == DeliveryStatus.SENT and self.receipt not in self.NOT_ARRIVED

    @property
    def may_arrive(self) -> bool:
        """Whether it has reached its recipient or is still on its way."""
        under_way = self.status in (DeliveryStatus.PENDING, DeliveryStatus.SENDING)
        return under_way or self.has_arrived

    def may_have_left(self) -> bool:
        """Answer whether an earlier attempt may have arrived: this one is then a repeat."""
        earlier = self.tries.filter(number__lt=self.attempts)
        return self.attempts > 1 and earlier.filter(result__in=MAY_HAVE_LEFT).exists()


class DeliveryAttempt(models.Model):
    """One try to hand a message to the mail server, with the server's own words."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.CharField(max_length=12, default="started")
    reply = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="attempt_numbered_once"),
            known("attempt_result_known", "result", ATTEMPT_RESULTS),
            models.CheckConstraint(condition=Q(number__gte=1), name="attempt_numbered_from_one"),
            models.CheckConstraint(
                condition=Q(result="started", finished_at__isnull=True)
                | (~Q(result="started") & Q(finished_at__isnull=False)),
                name="attempt_finished_with_a_result",
            ),
        ]
        triggers: ClassVar = [
            fixed("attempt_stays_itself", "delivery", "number", "started_at"),
            pgtrigger.Protect(
                name="attempt_finished_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.result <> 'started'"),
            ),
            kept("attempt_kept"),
            never_emptied("attempt_never_emptied"),
        ]

    def __str__(self) -> str:
        return f"Attempt {self.number}: {self.result}"
