"""The mail server of the fault suite: a process of its own, told by a file how to misbehave.

Run as `python -m tests.faults.mailserver PORT MODE_FILE ACCEPTED_FILE`. Each mail it keeps
is one JSON line with its Message-ID, subject, time (the machine's monotonic clock), and whether
its sender was told.
"""

import asyncio
import contextlib
import email
import email.policy
import json
import os
import sys
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

ACCEPT = "accept"
KEPT_IN_DOUBT = {"hang_after", "drop_after"}
SLOW_SECONDS = 0.3  # what a provider's server takes over one mail
REPLIES = {
    "4xx": "451 4.3.0 Try again later",
    "5xx_later": "554 5.7.1 Refused after all",
}


class Handler:
    """Answers as the mode file says at that moment."""

    def __init__(self, mode_file: Path, accepted: Path) -> None:
        self.mode_file, self.accepted = mode_file, accepted

    def mode(self) -> str:
        with contextlib.suppress(OSError):
            return self.mode_file.read_text().strip() or ACCEPT
        return ACCEPT

    async def hang(self) -> None:
        """Say nothing until the mode changes."""
        mode = self.mode()
        while self.mode() == mode:
            await asyncio.sleep(0.05)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        mode = self.mode()
        if mode == "5xx":
            return "550 5.1.1 No such mailbox"
        if mode == "hang_before":
            await self.hang()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mode = self.mode()
        if mode in REPLIES:
            return REPLIES[mode]
        if mode == "slow":
            await asyncio.sleep(SLOW_SECONDS)
        self.keep(envelope, answered=mode not in KEPT_IN_DOUBT)
        if mode == "hang_after":
            await self.hang()
        if mode == "drop_after" and server.transport:
            server.transport.abort()
        return "250 Kept"

    def keep(self, envelope: Envelope, *, answered: bool) -> None:
        """Write the mail down; a full disk raises, and aiosmtpd answers 500."""
        content = envelope.content or b""
        assert isinstance(content, bytes)
        message = email.message_from_bytes(content, policy=email.policy.default)
        line = {
            "id": message["Message-ID"],
            "subject": message["Subject"],
            "to": envelope.rcpt_tos,
            "at": time.monotonic(),
            "answered": answered,
        }
        file = os.open(self.accepted, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, (json.dumps(line) + "\n").encode())
        finally:
            os.close(file)


async def serve(port: int, handler: Handler) -> None:
    """Take mail until killed."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, loop=loop, ident="faults"), "127.0.0.1", port
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Handler(Path(sys.argv[2]), Path(sys.argv[3]))))
