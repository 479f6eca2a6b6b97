"""How many mails a window sends to one address, and when: at most two, also where it changed."""

from datetime import datetime, timedelta
from typing import Final

from django.utils.crypto import salted_hmac

from apps.checkins.models import Reminder, policy_of
from apps.clinical.cadence import WEEKLY

MAILS: Final = 2  # of one window to one address
SECOND_MAIL_OF_A_WEEK: Final = timedelta(hours=8)  # [proposal]; of a day: CheckInPolicy


def next_mail_at(live: Reminder, now: datetime) -> datetime | None:
    """Return when the next mail of a window that is due goes out, None where none is left to send.

    The first to an address at once, the second some hours later unless the window closes before.
    """
    if live.mails_sent == 0:
        return now
    at = max(now, live.due_at) + second_mail_after(live)
    return at if live.mails_sent < MAILS and at < live.closes_at else None


def second_mail_after(live: Reminder) -> timedelta:
    """Return how long after the first mail of a window the second one goes out."""
    if live.interval_days >= WEEKLY:
        return SECOND_MAIL_OF_A_WEEK
    return timedelta(hours=policy_of(live.clinic_id).second_mail_hours)


def told_apart(address: str) -> str:
    """Return what is stored of an address that a mail went to: it may be a stranger's.

    Enough to know the same one again, however it is capitalised, and no more.
    """
    return salted_hmac("checkins.mailed_to", address.lower(), algorithm="sha256").hexdigest()


def count_anew(live: Reminder, address: str, *, in_hand: str) -> None:
    """Begin a locked window's mails anew for an address; those that went to it already count.

    One in a sender's hand, to the address `in_hand`, counts as sent, and the sender finds its
    lease gone: if that mail fails, nobody would be asked in this window.
    """
    if live.state == Reminder.State.SENDING:
        live.mailed_to = [*live.mailed_to, told_apart(in_hand)]
    live.mails_sent = min(live.mailed_to.count(told_apart(address)), MAILS)
    live.state, live.next_attempt_at = Reminder.State.NO_MAIL, None
    live.lease_token = live.lease_until = None
    live.attempts, live.last_error = 0, ""
    live.save(
        update_fields=[
            "mailed_to", "mails_sent", "state", "next_attempt_at", "lease_token", "lease_until",
            "attempts", "last_error",
        ]
    )  # fmt: skip


def go_on(live: Reminder, now: datetime) -> None:
    """Set when the next mail of a due window goes out, or that all are sent."""
    live.next_attempt_at = next_mail_at(live, now)
    live.state = Reminder.State.PENDING if live.next_attempt_at else Reminder.State.SENT
