"""How a person is reached: their ways in their own order, and when they want quiet."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from apps.alerts.ladder import Level, Rung
from apps.alerts.models import Channel, ContactMethod, Delivery, MailServer, QuietHours
from apps.alerts.states import DeliveryStatus
from apps.database.statements import ReadRows
from apps.patients.models import StaffMember

GATEWAY: Final = "gateway "
UNDER_WAY: Final = [DeliveryStatus.PENDING, DeliveryStatus.SENDING]
FEW: Final = 3  # people whose contacts one kept statement reads
IN_TROUBLE = ReadRows(lambda: MailServer.objects.filter(retry_at__isnull=False).values_list("name"))


def contacts(keys: Iterable[UUID]) -> QuerySet[ContactMethod, tuple[Any, ...]]:
    """Return member, channel, address and gateway of proved contacts, each member's in order."""
    rows = ContactMethod.objects.verified().filter(member_id__in=keys)
    return rows.values_list("member_id", "channel", "address", "gateway_id")


OF_FEW = ReadRows(
    lambda first, second, third: contacts([first, second, third]),
    first=UUID, second=UUID, third=UUID,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """One channel and address of a person; an empty address means the sign-in address."""

    channel: str
    address: str
    gateway_id: UUID | None = None

    @property
    def label(self) -> str:
        """The channel in words: text message."""
        return Channel(self.channel).label.lower()


SIGN_IN_MAIL = Way(Channel.EMAIL, "")


def ways_of(people: Iterable[StaffMember]) -> dict[UUID, list[Way]]:
    """Return each person's proved ways in their order, in one query.

    Who has no proved mail address has the sign-in address as the last way: a phone whose
    gateway is down never leaves a person unreachable.
    """
    found: dict[UUID, list[Way]] = defaultdict(list)
    people = list(people)
    for member_id, *way in contacts_of([member.pk for member in people]):
        found[member_id].append(Way(*way))
    for member in people:
        if not any(way.channel == Channel.EMAIL for way in found[member.pk]):
            found[member.pk].append(SIGN_IN_MAIL)
    return found


def contacts_of(keys: Sequence[UUID]) -> list[tuple[Any, ...]]:
    """Return the proved contacts of these members; of few, as on a rung, by a kept statement."""
    if not 0 < len(keys) <= FEW:
        return list(contacts(keys))
    each = [*keys, *([keys[0]] * FEW)]
    return OF_FEW.all(first=each[0], second=each[1], third=each[2])


def next_way(delivery: Delivery) -> Way | None:
    """Return the first of the recipient's ways that was not used in this round."""
    same = delivery.alert.deliveries.filter(
        recipient_id=delivery.recipient_id, round=delivery.round
    )
    used = {Way(*row) for row in same.values_list("channel", "address", "gateway_id")}
    ways = ways_of([delivery.recipient])[delivery.recipient_id]
    return next((way for way in ways if way not in used), None)


def quiet_ends(people: Iterable[StaffMember], level: str, now: datetime) -> dict[UUID, datetime]:
    """Return when the quiet hours of those end who are in theirs; an emergency knows none."""
    if level == Level.EMERGENCY:
        return {}
    rows = QuietHours.objects.filter(member__in=list(people))
    ends = {row.member_id: row.until(now) for row in rows}
    return {key: end for key, end in ends.items() if end is not None}


def being_told(alert_id: UUID, rung: str) -> set[UUID]:
    """Return the members who need no further message of this rung, because one is on its way.

    It waits for the end of their quiet hours, or an earlier round to everyone still tries.
    """
    asleep = Q(status=DeliveryStatus.PENDING, quiet_until__isnull=False)
    same = Q(rung=Rung.EVERYONE) if rung == Rung.EVERYONE else Q(pk=None)
    rows = Delivery.objects.filter(asleep | same, alert_id=alert_id, status__in=UNDER_WAY)
    return set(rows.values_list("recipient_id", flat=True))


def troubled() -> set[str]:
    """Return the names of the servers and gateways that do not take messages just now."""
    return {name for (name,) in IN_TROUBLE.all()}


def server_name() -> str:
    """Return the mail server's name, as the health page shows it."""
    return f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"


def gateway_name(gateway_id: UUID) -> str:
    """Return the name of a gateway's row. Its own name is its clinic's business."""
    return f"{GATEWAY}{gateway_id}"


def server_of(delivery: Delivery) -> str:
    """Return the name of the server or gateway that this message goes through."""
    return gateway_name(delivery.gateway_id) if delivery.gateway_id else server_name()
