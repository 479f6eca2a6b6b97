"""A real SMTP server whose answers a test chooses, per recipient or for everybody."""

import asyncio
import contextlib
import email
import email.policy
import threading
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import Enum, auto

from aiosmtpd.smtp import SMTP, Envelope, Session

from config.embedded.scoped import Scoped
from tests.harness.waiting import wait_until


class Answer(Enum):
    """What the server does with a mail."""

    ACCEPT = auto()
    TEMPORARY_AT_RCPT = auto()  # 451 to RCPT TO
    TEMPORARY_AFTER_DATA = auto()  # 451 to the finished mail
    PERMANENT_AT_RCPT = auto()  # 550 to RCPT TO
    PERMANENT_AFTER_DATA = auto()  # 550 to the finished mail
    HANG_BEFORE_DATA = auto()  # never answers RCPT TO
    HANG_AFTER_DATA = auto()  # keeps the mail and never says so
    DROP_BEFORE_DATA = auto()  # closes the connection at RCPT TO
    DROP_AFTER_DATA = auto()  # keeps the mail and closes the connection


AT_RCPT = {
    Answer.TEMPORARY_AT_RCPT: "451 4.3.0 Try again later",
    Answer.PERMANENT_AT_RCPT: "550 5.1.1 No such mailbox",
}
AFTER_DATA = {
    Answer.TEMPORARY_AFTER_DATA: "451 4.3.0 Try again later",
    Answer.PERMANENT_AFTER_DATA: "550 5.7.1 Refused",
}
KEPT = {Answer.ACCEPT, Answer.HANG_AFTER_DATA, Answer.DROP_AFTER_DATA}
HANGS = {Answer.HANG_BEFORE_DATA, Answer.HANG_AFTER_DATA}
DROPS = {Answer.DROP_BEFORE_DATA, Answer.DROP_AFTER_DATA}
BEFORE_DATA = {*AT_RCPT, Answer.HANG_BEFORE_DATA, Answer.DROP_BEFORE_DATA}


@dataclass(frozen=True)
class Mail:
    """One mail the server took: its envelope, the parsed message, and when (monotonic clock)."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage
    at: float

    @property
    def text(self) -> str:
        """Return the plain text part."""
        part = self.message.get_body(("plain",))
        return part.get_content() if part else ""


@dataclass
class _Rule:
    answer: Answer
    left: int | None  # None: for ever


@dataclass
class SmtpServer(Scoped):
    """Listens on a free loopback port from `start` to `stop`; the port survives a restart."""

    port: int = 0
    messages: list[Mail] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)  # every recipient tried, refused ones too

    def __post_init__(self) -> None:
        """Begin by accepting everything."""
        self._rules: dict[str | None, _Rule] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Return the value for EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"

    def behave(self, answer: Answer, *, to: str | None = None, times: int | None = None) -> None:
        """Answer so from now on, to one recipient or to all, for so many tries or for ever."""
        with self._lock:
            self._rules[to and to.lower()] = _Rule(answer, times)

    def accept_all(self) -> None:
        """Forget every rule."""
        with self._lock:
            self._rules.clear()

    def to(self, recipient: str) -> list[Mail]:
        """Return the mails this recipient got."""
        return [
            mail
            for mail in list(self.messages)
            if recipient.lower() in (address.lower() for address in mail.recipients)
        ]

    def wait_for(self, count: int = 1, *, timeout: float = 10, to: str | None = None) -> list[Mail]:
        """Return the mails once there are ``count`` of them; fail the test otherwise."""

        def arrived() -> list[Mail]:
            return self.to(to) if to else list(self.messages)

        wait_until(
            lambda: len(arrived()) >= count,
            timeout,
            lambda: f"{len(arrived())} of {count} mails came; tried: {self.attempts}",
        )
        return arrived()

    def start(self) -> None:
        """Listen; return once connections are taken."""
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[listening], name="smtp")
        self._thread.start()
        assert listening.wait(5), "the SMTP server of the tests does not start"

    def stop(self) -> None:
        """Close the port and every connection; harmless if not started."""
        if self._loop and self._thread:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop = self._thread = None

    def _run(self, listening: threading.Event) -> None:
        loop = self._loop = asyncio.new_event_loop()
        connections: list[SMTP] = []

        def connection() -> SMTP:
            connections.append(SMTP(_Handler(self), loop=loop, ident="test"))
            return connections[-1]

        server = loop.run_until_complete(loop.create_server(connection, "127.0.0.1", self.port))
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            for smtp in connections:
                if smtp.transport:
                    smtp.transport.abort()
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(self._settle(loop))
            loop.close()

    @staticmethod
    async def _settle(loop: asyncio.AbstractEventLoop) -> None:
        rest = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*rest, return_exceptions=True)

    def _next_answer(self, recipient: str, stage: set[Answer]) -> Answer:
        """Return what to do now; the recipient's own rule goes before the one for everybody."""
        with self._lock:
            for key in (recipient.lower(), None):
                rule = self._rules.get(key)
                if rule is None or rule.left == 0:
                    continue
                if rule.answer not in stage:  # it has its turn before or after the data
                    return Answer.ACCEPT
                if rule.left is not None:
                    rule.left -= 1
                return rule.answer
        return Answer.ACCEPT


class _Handler:
    """What aiosmtpd asks; every answer comes from the rules of the test."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server

    async def handle_RCPT(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.server.attempts.append(address)
        answer = self.server._next_answer(address, BEFORE_DATA)
        await _hang_or_drop(smtp, answer)
        if answer in AT_RCPT:
            return AT_RCPT[answer]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        after = set(Answer) - BEFORE_DATA - {Answer.ACCEPT}
        answers = [self.server._next_answer(address, after) for address in envelope.rcpt_tos]
        answer = next((found for found in answers if found is not Answer.ACCEPT), Answer.ACCEPT)
        if answer in KEPT:
            content = envelope.content or b""
            assert isinstance(content, bytes)
            message = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            mail = Mail(
                envelope.mail_from or "", tuple(envelope.rcpt_tos), message, time.monotonic()
            )
            self.server.messages.append(mail)
        await _hang_or_drop(smtp, answer)
        return AFTER_DATA.get(answer, "250 OK")


async def _hang_or_drop(smtp: SMTP, answer: Answer) -> None:
    if answer in HANGS:
        await asyncio.sleep(3600)  # until the client gives up or the server stops
    if answer in DROPS and smtp.transport:
        smtp.transport.abort()
