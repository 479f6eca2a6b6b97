"""Handing one message to the mail server: every step bounded in time, every answer sorted.

Knows nothing of alerts, people or the database. The server's words are cleaned before
anybody stores them: an address or a link in them is not for the log.
"""

import re
import smtplib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import TracebackType
from typing import Any, Final, Self

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend

DJANGO_SMTP: Final = "django.core.mail.backends.smtp.EmailBackend"
ADDRESS: Final = re.compile(r"<?[^\s<>@]+@[^\s<>@]+>?")
LINK: Final = re.compile(r"\b\w+://\S+")


class Result(StrEnum):
    """What came of one attempt."""

    SENT = "sent"
    TEMPORARY = "temporary"
    THROTTLED = "throttled"
    PERMANENT = "permanent"
    UNCLEAR = "unclear"  # the content was on its way when the server fell silent
    UNWANTED = "unwanted"  # nobody has to hear of it any more: nothing was sent


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one attempt with the server's own words.

    `of_server` tells that the failure says nothing about this recipient: another
    person's mail would fare no better.
    """

    result: Result
    reply: str
    of_server: bool = False


NOT_WANTED: Final = Answer(Result.UNWANTED, "somebody has it: not sent")
# What an attempt needs beyond its conversation: to write the mail and to store the answer.
STORE_SECONDS: Final = 2.0
# A mail, or what writes it once the server listens; that may find that none is wanted.
Letter = EmailMessage | Callable[[], EmailMessage | None]


def lease_time() -> timedelta:
    """Return how long a claimed message is its sender's: longer than any attempt can take.

    `MailSession.send` and `gateways.send_text` end within ALERT_ATTEMPT_SECONDS, whatever
    the server does and however often they connect.
    """
    return timedelta(seconds=settings.ALERT_ATTEMPT_SECONDS + STORE_SECONDS)


class BoundedSMTP(smtplib.SMTP):
    """An SMTP connection that also looks its server's name up within the time limit."""

    content_begun = False
    wire: socket.socket | None = None

    def __init__(self, *args: Any, session: "MailSession", **kwargs: Any) -> None:
        self.session = session
        session.live = self  # before the connection: the time limit must reach it
        super().__init__(*args, **kwargs)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect; name lookup and every address together take at most `timeout`."""
        deadline = min(time.monotonic() + timeout, self.session.deadline)
        error: OSError = OSError("the mail server's name has no address")
        for family, kind, protocol, _, place in resolve(host, port, left_until(deadline)):
            found = socket.socket(family, kind, protocol)
            found.settimeout(left_until(deadline))
            try:
                found.connect(place)
            except OSError as problem:
                error = problem
                found.close()
            else:
                found.settimeout(timeout)
                # A second handle: TLS takes the first one over before its handshake.
                self.wire = found.dup()
                return found
        raise error

    def abort(self) -> None:
        """Wake whoever waits on this connection, in a TLS handshake too."""
        if self.wire is not None:
            shut(self.wire)

    def close(self) -> None:
        """Close both handles."""
        super().close()
        if self.wire is not None:
            self.wire.close()

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the content; from here on nobody knows whether a mail that failed has left."""
        self.content_begun = True
        return super().data(msg)


class BoundedSSL(BoundedSMTP, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """Connect and shake hands; whoever cuts the wire ends the handshake, too."""
        plain = super()._get_socket(host, port, timeout)
        return self.context.wrap_socket(plain, server_hostname=host)


class BoundedBackend(EmailBackend):
    """Django's SMTP settings (host, user, TLS, time limit) on our connection."""

    def __init__(self, session: "MailSession") -> None:
        super().__init__()
        self.session = session

    @property
    def connection_class(self) -> Any:
        """Return what makes a connection that the session can cut."""
        kind: Any = BoundedSSL if self.use_ssl else BoundedSMTP
        return lambda *args, **kwargs: kind(*args, session=self.session, **kwargs)


class MailSession:
    """One connection for the mails of one drain; closed when the block ends.

    A connection is used again only inside the block: an idle one would be closed by
    the server behind our back.
    """

    def __init__(self) -> None:
        self.live: BoundedSMTP | None = None
        self.backend: Any = None
        self.is_open = False
        self.deadline = 0.0  # of the attempt in hand, by time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.is_open and kind is None:
            self.backend.close()
        else:
            self.cut()

    def send(self, letter: Letter) -> Answer:
        """Hand the mail over and sort the answer. Never raises for a mail failure.

        When a connection that was used before turns out dead before any content went
        out, the mail gets a fresh one at once; both together have one time limit.
        """
        return self.within_limit(lambda: self.send_letter(letter))

    def greet(self) -> Answer:
        """Connect, greet and sign in without a mail: answers whether the server would take one."""
        return self.within_limit(lambda: self.attempt(lambda: None))

    def within_limit(self, act: Callable[[], Answer]) -> Answer:
        """Do it, and cut the connection when the time of an attempt is over."""
        self.deadline = time.monotonic() + settings.ALERT_ATTEMPT_SECONDS
        limit = threading.Timer(settings.ALERT_ATTEMPT_SECONDS, self.abort)
        limit.daemon = True
        limit.start()
        try:
            answer = act()
        finally:
            limit.cancel()
        if answer.of_server:
            self.cut()
        return answer

    def send_letter(self, letter: Letter) -> Answer:
        """Try, and once more when it was the old connection that failed."""
        used_before = self.is_open
        answer = self.attempt(letter)
        if not (used_before and answer.of_server) or self.content_begun or self.is_over:
            return answer
        self.cut()
        return self.attempt(letter)

    def attempt(self, letter: Letter) -> Answer:
        """Try once, on the connection that is open or on a new one."""
        try:
            if not self.is_open:
                self.open()
            if self.live is not None:
                self.live.content_begun = False
            mail = letter() if callable(letter) else letter
            if mail is None:
                return NOT_WANTED
            self.backend.send_messages([mail])
        except (smtplib.SMTPException, OSError) as error:
            return sort_error(error, content_begun=self.content_begun)
        return Answer(Result.SENT, "accepted")

    @property
    def is_over(self) -> bool:
        """Whether the time of the attempt in hand is used up."""
        return time.monotonic() >= self.deadline

    def open(self) -> None:
        """Connect, greet and sign in."""
        smtp = settings.EMAIL_BACKEND == DJANGO_SMTP
        self.backend = BoundedBackend(self) if smtp else get_connection()
        self.backend.open()
        self.is_open = True

    @property
    def content_begun(self) -> bool:
        """Whether the content of the mail in hand was on its way."""
        return self.live is not None and self.live.content_begun

    def abort(self) -> None:
        """End the attempt in hand: its whole time is over. Called from another thread."""
        if self.live is not None:
            self.live.abort()

    def cut(self) -> None:
        """Drop the connection without a goodbye that could hang."""
        if self.live is not None:
            self.live.close()
        if self.backend is not None and hasattr(self.backend, "connection"):
            self.backend.connection = None
        self.live, self.backend, self.is_open = None, None, False


def left_until(deadline: float) -> float:
    """Return the seconds until then, as a socket takes them: never none."""
    return max(deadline - time.monotonic(), 0.01)


def shut(sock: socket.socket) -> None:
    """Wake whoever waits on the socket."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def resolve(host: str, port: int, limit: float) -> list[Any]:
    """Look a name up within `limit` seconds; the system's own lookup knows no limit."""
    found: list[Any] = []
    problems: list[OSError] = []

    def look() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            problems.append(error)

    thread = threading.Thread(target=look, name="name lookup", daemon=True)
    thread.start()
    thread.join(limit)
    if problems:
        raise problems[0]
    if not found:
        raise TimeoutError("the name of the mail server could not be looked up in time")
    return found


def sort_error(error: Exception, *, content_begun: bool) -> Answer:
    """Sort a failure: whose it is, and whether it pays to try again."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return Answer(sort_code(code), words(code, said), of_server=code == 421)
    if isinstance(error, smtplib.SMTPDataError):
        reply = words(error.smtp_code, error.smtp_error)
        return Answer(sort_code(error.smtp_code), reply, of_server=True)
    if isinstance(error, smtplib.SMTPResponseException):
        # At greeting, sign-in or sender it minds us, not the recipient; even a 5xx is no
        # verdict on the mail, and someone may mend the settings meanwhile.
        return Answer(Result.TEMPORARY, words(error.smtp_code, error.smtp_error), of_server=True)
    result = Result.UNCLEAR if content_begun else Result.TEMPORARY
    return Answer(result, clean(f"{type(error).__name__}: {error}"), of_server=True)


def sort_code(code: int) -> Result:
    """Sort an SMTP reply code: 421, 450 and 452 ask for patience, 5xx is final."""
    if code in (421, 450, 452):
        return Result.THROTTLED
    return Result.PERMANENT if code >= 500 else Result.TEMPORARY


def words(code: int, reply: bytes | str) -> str:
    """Return the server's own words with its code."""
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return clean(f"{code} {text}")


def clean(text: str) -> str:
    """Return a text on one line and short, without addresses and links.

    A server may quote the mail it refuses, and the mail holds a link that acts.
    """
    return " ".join(ADDRESS.sub("<address>", LINK.sub("<link>", text)).split())[:300]
