"""What the web server takes from the network, as the image starts it."""

import socket
from http.client import HTTPConnection

import pytest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]

BEHIND = {"BEHIND_TLS_PROXY": "1", "TRUSTED_PROXY_COUNT": "1", "WEB_WORKERS": "1"}
GET = "GET /c/x/ HTTP/1.1\r\nHost: localhost\r\n"
POST = "POST /c/x/ HTTP/1.1\r\nHost: localhost\r\n"
# A proxy in front may read each of these in another way: then the rest of one request is the next.
TWO_READINGS = {
    "two lengths": POST + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "a length and chunks": (
        POST + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "chunks that are not the last": POST + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "almost chunks": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a length with a sign": POST + "Content-Length: +4\r\n\r\nabcd",
    "a length with an underscore": POST + "Content-Length: 1_0\r\n\r\nabcdabcdab",
    "a blank behind a name": GET + "X-Forwarded-For : 198.51.100.1\r\n\r\n",
    "a folded line": GET + "X-Request-ID: 1\r\n 2\r\n\r\n",
    "NUL in a value": GET + "X-Request-ID: 1\x002\r\n\r\n",
    "a return in a value": GET + "X-Request-ID: 1\r2\r\n\r\n",
    "lines without a return": "GET /c/x/ HTTP/1.1\nHost: localhost\n\n",
    "chunks before they were invented": (
        "POST /c/x/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "a line that is too long": "GET /c/" + "a" * 20_000 + "/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a head that is too long": GET + "X-Request-ID: " + "a" * 20_000 + "\r\n\r\n",
    "too many heads": GET + "".join(f"X-{n}: 1\r\n" for n in range(300)) + "\r\n",
}


def status_of_a_guess(port: int, number: int, spelling: str) -> int:
    """Ask for a link that nobody sent, through a proxy that says from where; return the status."""
    line = HTTPConnection("localhost", port, timeout=20)
    line.putrequest("GET", f"/c/{number:032d}a-guess-of-nobody/")
    line.putheader("X-Forwarded-Proto", "https")
    line.putheader("X-Forwarded-For", "203.0.113.9")
    line.putheader(spelling, f"198.51.100.{number}")
    line.endheaders()
    status = line.getresponse().status
    line.close()
    return status


@pytest.mark.parametrize("spelling", ["X_Forwarded_For", "X-Forwarded_For"])
def test_no_spelling_of_a_name_stands_for_what_the_proxy_wrote(spelling, parts) -> None:
    """Else a guesser has a new address for each guess."""
    web = parts.deployed_web(**BEHIND)
    found = [status_of_a_guess(web.port, number, spelling) for number in range(25)]
    assert found == [404] * 20 + [429] * 5


def answer_to(port: int, request: str) -> bytes:
    """Return all that is said to a request until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(request.encode())
        return b"".join(iter(lambda: line.recv(4096), b""))


def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(parts) -> None:
    web = parts.deployed_web(WEB_WORKERS="1")
    plain = answer_to(web.port, GET + "Connection: close\r\n\r\n")
    assert plain.startswith(b"HTTP/1.1 404 ")
    begun = {name: answer_to(web.port, request)[:13] for name, request in TWO_READINGS.items()}
    assert begun == {
        name: {
            "a line that is too long": b"HTTP/1.1 414 ",
            "a head that is too long": b"HTTP/1.1 431 ",
        }.get(name, b"HTTP/1.1 400 ")
        for name in TWO_READINGS
    }
