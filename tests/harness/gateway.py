"""A real HTTP server on loopback that stands for a provider of text messages."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class GatewayServer:
    """Takes messages as Apprise's json:// sends them; a test chooses what it answers.

    `answer` is an HTTP status, or one of the ways to fail in `MODES`.
    """

    MODES = ("hang", "drop", "drip")

    def __init__(self) -> None:
        self.answer: int | str = 200
        self.words = b"ok"
        self.messages: list[dict[str, Any]] = []  # what it kept, whatever it answered
        self.refused: list[dict[str, Any]] = []
        self.closing = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.take(self)

            def log_message(self, *args: Any) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Keep the message and answer as told."""
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        message = {
            "path": request.path,
            "ref": request.headers.get("X-Ref"),
            "text": body["message"],
            "at": time.monotonic(),
            "answered": isinstance(self.answer, int),
        }
        is_refusal = isinstance(self.answer, int) and self.answer >= 300
        (self.refused if is_refusal else self.messages).append(message)
        if self.answer == "hang":
            self.closing.wait(20)
        elif self.answer == "drip":
            with contextlib.suppress(OSError):
                request.send_response(200)
                request.end_headers()
                for _ in range(200):
                    request.wfile.write(b".")
                    request.wfile.flush()
                    if self.closing.wait(0.1):
                        break
        elif self.answer != "drop":
            request.send_response(int(self.answer))
            request.end_headers()
            request.wfile.write(self.words)

    @property
    def url(self) -> str:
        """The address as an administrator types it; it reports back under our reference."""
        return f"json://127.0.0.1:{self.port}/to/{{to}}?+X-Ref={{ref}}"

    @property
    def texts(self) -> list[str]:
        """What arrived, as its recipients read it."""
        return [message["text"] for message in self.messages]

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
