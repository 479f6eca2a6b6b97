"""What one claim sends together: one mail or text, written when its server listens."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.core.mail import EmailMultiAlternatives
from django.db import InterfaceError, OperationalError, connection

from apps.alerts.emails import alert_mail, bundle_mail
from apps.alerts.gateways import send_text
from apps.alerts.models import Delivery, Gateway
from apps.alerts.sealed import SealError, unseal
from apps.alerts.smtp import NOT_WANTED, Answer, MailSession, Result
from apps.alerts.texts import alert_text, bundle_text

Clock = Callable[[], datetime]


class Batch:
    """The messages of one claim.

    Somebody may take an alert between the claim and the moment its server listens: then it is
    left out.
    """

    def __init__(self, claimed: list[Delivery], clock: Clock) -> None:
        self.claimed, self.clock = claimed, clock
        self.left_out: set[UUID] = set()

    def wanted(self) -> list[Delivery]:
        """Return what still has to be heard, as the database knows it at this moment."""
        keys = [delivery.pk for delivery in self.claimed]
        try:
            now_wanted = Delivery.objects.wanted().to_staff().filter(pk__in=keys)
            found = set(now_wanted.values_list("pk", flat=True))
        except (OperationalError, InterfaceError):
            connection.close()  # a message too many costs less than none
            return self.claimed
        self.left_out = set(keys) - found
        return [delivery for delivery in self.claimed if delivery.pk in found]

    def mail(self) -> EmailMultiAlternatives | None:
        """Return the mail, None when nobody has to hear of anything in it."""
        wanted, now = self.wanted(), self.clock()
        if len(wanted) == 1:
            return alert_mail(wanted[0], now)
        return bundle_mail(wanted, now) if wanted else None

    def text(self) -> str:
        """Return the text for a gateway, empty when nobody has to hear of anything in it."""
        wanted, now = self.wanted(), self.clock()
        if len(wanted) == 1:
            return alert_text(wanted[0], now)
        return bundle_text(wanted, now) if wanted else ""

    def answer_for(self, delivery: Delivery, answer: Answer) -> Answer:
        """Return what came of one message of the batch."""
        return NOT_WANTED if delivery.pk in self.left_out else answer


def send(batch: Batch, session: MailSession) -> Answer:
    """Hand what was claimed to its server. Never raises for a failure to send."""
    gateway = batch.claimed[0].gateway
    return session.send(batch.mail) if gateway is None else send_through(gateway, batch)


def send_through(gateway: Gateway, batch: Batch) -> Answer:
    """Hand what was claimed to a gateway of the clinic."""
    if not gateway.is_active:
        return Answer(Result.PERMANENT, "this gateway was switched off")
    try:
        url = unseal(gateway.sealed_url)
    except SealError as error:
        return Answer(Result.TEMPORARY, f"the gateway's address is not readable: {error}", True)
    first, text = batch.claimed[0], batch.text()
    if not text:
        return NOT_WANTED
    return send_text(url, to=first.address, ref=str(first.pk), text=text)
