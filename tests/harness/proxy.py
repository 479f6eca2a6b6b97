"""A network between a phone and the server that breaks where a test wants it to.

A plain TCP proxy on loopback. It forwards, or it lets the request through and cuts the
line before the answer, or it hangs, or it answers itself as the sign-in page of a hotel does.
"""

import contextlib
import socket
import threading
import time
from enum import StrEnum
from types import TracebackType
from typing import Self

CHUNK = 65536
# A connection carries one request, and an answer comes as it reads, not packed.
UNSENT = (b"connection:", b"accept-encoding:")
HOTEL = b"<!DOCTYPE html><title>Welcome</title><h1>Please sign in to use our network</h1>"


class Line(StrEnum):
    """What the network does with a request."""

    FINE = "fine"
    CUT_AFTER_REQUEST = "cut"  # the server gets all of it, the phone gets nothing
    HOTEL = "hotel"  # somebody else answers with 200
    HANGS = "hangs"  # the request is taken, and no answer ever comes
    AWAY = "away"  # what stands before the server says that it is away


class Proxy:
    """Listens on a port of its own while the block runs; `line` may change at any time."""

    def __init__(self, to_port: int) -> None:
        self.to_port, self.line = to_port, Line.FINE
        self.posts = 0
        # What an answer says, and what the phone reads instead: of one length.
        self.swap = (b"", b"")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self.listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Carry one request; every connection carries one, so that the next is asked anew."""
        with client, contextlib.suppress(OSError):
            request = read_request(client)
            if not request:
                return
            self.posts += request.startswith(b"POST")
            if self.line == Line.HOTEL:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + rest_of(HOTEL))
                return
            if self.line == Line.AWAY:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\n" + rest_of(b"Bad gateway"))
                return
            while self.line == Line.HANGS:
                time.sleep(0.05)
            with socket.create_connection(("127.0.0.1", self.to_port)) as server:
                server.sendall(closing(request))
                while part := server.recv(CHUNK):
                    # All of the answer is read: the server has done its work when the line breaks.
                    if self.line != Line.CUT_AFTER_REQUEST:
                        client.sendall(part.replace(*self.swap) if self.swap[0] else part)


def rest_of(body: bytes) -> bytes:
    """Return the end of a head, and the body."""
    return b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body


def closing(request: bytes) -> bytes:
    """Return the request with the wish that the connection ends after its answer."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(UNSENT)]
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body


def read_request(client: socket.socket) -> bytes:
    """Return one whole request, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(CHUNK)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += client.recv(CHUNK)
    return head + b"\r\n\r\n" + body
