"""What the web server takes from the network, by each server that the image holds."""

from http.client import HTTPConnection

import pytest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.flow]

# It reads X_Forwarded_For as X-Forwarded-For, before any code of ours sees the name.
FORGED = pytest.mark.xfail(
    strict=True, raises=AssertionError, reason="granian 2.8 takes names with an underscore"
)
SERVERS = ("deployed_web", pytest.param("granian_web", marks=FORGED))
BEHIND = {"BEHIND_TLS_PROXY": "1", "TRUSTED_PROXY_COUNT": "1", "WEB_WORKERS": "1"}


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
@pytest.mark.parametrize("server", SERVERS)
def test_no_spelling_of_a_name_stands_for_what_the_proxy_wrote(server, spelling, parts) -> None:
    """Else a guesser has a new address for each guess."""
    web = getattr(parts, server)(**BEHIND)
    found = [status_of_a_guess(web.port, number, spelling) for number in range(25)]
    assert found == [404] * 20 + [429] * 5
