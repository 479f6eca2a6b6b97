"""An SMTP server that keeps every mail as a file, so that the demo clinic mails nobody.

Run as `python -m config.embedded.mailcatcher FOLDER`; it listens on loopback only. The page that
shows the mails reads the folder: one `.eml` per mail, named so that names sort by arrival.
"""

import argparse
import asyncio
import itertools
import os
import signal
import socket
import time
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

KEEP = 2000  # the oldest go first
DEFAULT_PORT = 1025


class FolderHandler:
    """Write each mail to the folder, whole or not at all."""

    def __init__(self, folder: Path) -> None:
        """Keep mails in ``folder``."""
        self.folder = folder
        self.numbers = itertools.count()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Answer 250 only once the mail is on disk under its final name."""
        content = envelope.content or b""
        head = f"X-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n".encode()
        name = f"{time.time_ns():020d}-{next(self.numbers):06d}.eml"
        unfinished = self.folder / f".{name}.{os.getpid()}"
        with unfinished.open("wb") as file:
            file.write(head + (content if isinstance(content, bytes) else content.encode()))
        unfinished.rename(self.folder / name)
        self._forget_oldest()
        return "250 Kept"

    def _forget_oldest(self) -> None:
        kept = sorted(self.folder.glob("*.eml"))
        for mail in kept[:-KEEP]:
            mail.unlink(missing_ok=True)


async def serve(listener: socket.socket, folder: Path) -> None:
    """Take mail until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, ended.set)
    server = await loop.create_server(
        lambda: SMTP(FolderHandler(folder), loop=loop, ident="Glidepath demo"), sock=listener
    )
    await ended.wait()
    server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="config.embedded.mailcatcher")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--fd", type=int, help="a socket that already listens, instead")
    options = parser.parse_args()
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if options.fd is None:
        listener = socket.create_server(("127.0.0.1", options.port))
    else:
        listener = socket.socket(fileno=options.fd)
    asyncio.run(serve(listener, options.folder))


if __name__ == "__main__":
    main()
