"""Handing one text to a gateway: text message, push, chat, paging. The library is Apprise.

Knows nothing of alerts, people or the database. Bounded in time like smtp.py, and its
answers are sorted the same way. What a gateway's address holds stays out of every
answer and log: the library's own log goes nowhere but into the sorting here.
"""

import logging
import re
import threading
from typing import Final
from urllib.parse import quote, urlsplit

import apprise
from django.conf import settings

from apps.alerts.models import Channel
from apps.alerts.smtp import Answer, Result, clean

# Who may be the last mile of a red flag. Services on fixed hosts of their own; what may point
# anywhere (OWN_HOST) needs the name of its host in ALERT_GATEWAY_HOSTS, because an
# administrator of one clinic must not reach into the network of the installation.
SCHEMES: Final[dict[str, tuple[str, ...]]] = {
    Channel.SMS: (
        "twilio", "vonage", "msgbird", "sinch", "clicksend", "bulksms", "plivo", "sns",
        "clickatell", "infobip", "telnyx", "jsons", "json", "forms", "form",
    ),
    Channel.PUSH: ("pover", "ntfys", "pbul", "gotifys", "jsons", "json"),
    Channel.CHAT: ("slack", "webex", "zulip", "threema", "mmosts", "rockets", "jsons", "json"),
    Channel.PAGER: ("pagerduty", "opsgenie", "splunk", "signl4", "goalerts", "jsons", "json"),
}  # fmt: skip
OWN_HOST: Final = {
    "jsons", "json", "forms", "form", "ntfys", "gotifys", "mmosts", "rockets", "goalerts",
}  # fmt: skip
PLAIN: Final = {"json", "form"}
LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
TO, REF = "{to}", "{ref}"
CODE: Final = re.compile(r"error=(\d{3})")
DETAILS: Final = re.compile(r"Response Details:\s*b?['\"]?(.*)", re.DOTALL)
DIGITS: Final = re.compile(r"\+?\d[\d ()-]{5,}\d")
# Not ours to send to: the number is wrong, gone or barred. Other codes mind the account.
FOR_GOOD: Final = {400, 404, 410, 413, 422}


class GatewayError(ValueError):
    """This address of a gateway does not work here; the text is for the reader."""


class Overheard(logging.Filter):
    """Collects what the library says on the thread that listens, and lets nothing pass."""

    def __init__(self) -> None:
        super().__init__()
        self.ears = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a line for whoever sends on this thread; no handler ever sees it."""
        lines = getattr(self.ears, "lines", None)
        if lines is not None:
            lines.append((record.levelno, record.getMessage()))
        return False


overheard = Overheard()
library_log = logging.getLogger("apprise")
library_log.setLevel(logging.DEBUG)
library_log.addFilter(overheard)
# It would name addresses with their passwords.
logging.getLogger("urllib3").setLevel(logging.ERROR)


def check_url(channel: str, url: str) -> None:
    """Raise `GatewayError` unless the library can send this channel's messages with the address."""
    scheme, host = scheme_of(url), host_of(url)
    if scheme not in SCHEMES.get(channel, ()):
        allowed = ", ".join(f"{name}://" for name in SCHEMES.get(channel, ()))
        raise GatewayError(f"For this channel an address begins with one of: {allowed}.")
    if TO not in url:
        raise GatewayError("Write {to} where the number or name of the person belongs.")
    if scheme in OWN_HOST and host not in settings.ALERT_GATEWAY_HOSTS:
        raise GatewayError(
            f"The host {host or 'of this address'} is not in ALERT_GATEWAY_HOSTS. Whoever runs "
            "this installation has to allow it first."
        )
    if scheme in PLAIN and host not in LOOPBACK:
        raise GatewayError(f"Use {scheme}s://: without TLS anybody on the way reads the message.")
    sender = plugin(url, "+15555550100", "ref")
    if sender is None:
        raise GatewayError("The library does not understand this address. Check it part by part.")
    # The library may read another host than we do, and it is the library that connects.
    if scheme in OWN_HOST and str(sender.host).strip("[]").lower() != host:
        raise GatewayError("Write @ in a name or password as %40: the host is not clear.")


def scheme_of(url: str) -> str:
    """Return what stands before :// in lower case."""
    return url.partition("://")[0].strip().lower()


def host_of(url: str) -> str:
    """Return the host an address of one's own service points at."""
    try:
        return urlsplit(url.replace(TO, "to").replace(REF, "ref")).hostname or ""
    except ValueError:
        return ""


def mask(url: str) -> str:
    """Return what a page may show of an address: its service, and its host if it is one's own."""
    scheme = scheme_of(url)
    return f"{scheme}://{host_of(url)}/…"[:60] if scheme in OWN_HOST else f"{scheme}://…"


def plugin(url: str, to: str, ref: str) -> apprise.NotifyBase | None:
    """Return the library's sender for one person, None when it does not take the address."""
    filled = url.strip().replace(TO, quote(to, safe="")).replace(REF, quote(ref, safe=""))
    # A redirect would carry the message, and the link in it, to a host nobody has allowed.
    asset = apprise.AppriseAsset(http_redirects=False)
    return apprise.Apprise.instantiate(filled, asset=asset, suppress_exceptions=True)


def send_text(url: str, *, to: str, ref: str, text: str) -> Answer:
    """Hand a text over and sort the answer. Never raises, never takes longer than an attempt may.

    On a thread of its own: the library bounds each read, not the whole of a server that
    drips. A thread that is left behind ends with its server's connection.
    """
    sender = plugin(url, to, ref)  # here, because the first one in a process loads the library
    if sender is None:
        return Answer(Result.TEMPORARY, "the gateway's address is not usable", of_server=True)
    sender.socket_connect_timeout = sender.socket_read_timeout = settings.EMAIL_TIMEOUT
    answers: list[Answer] = []
    worker = threading.Thread(
        target=lambda: answers.append(attempt(sender, to, text)), name="gateway", daemon=True
    )
    worker.start()
    worker.join(settings.ALERT_ATTEMPT_SECONDS)
    if not answers:
        return Answer(Result.UNCLEAR, "no answer within the time limit", of_server=True)
    return answers[0]


def attempt(sender: apprise.NotifyBase, to: str, text: str) -> Answer:
    """Try once, on this thread."""
    lines: list[tuple[int, str]] = []
    overheard.ears.lines = lines
    try:
        done = sender.notify(body=text, title="")
    except Exception as error:  # a library of 180 services: whatever it raises is an answer
        return Answer(Result.UNCLEAR, f"the library failed: {type(error).__name__}", of_server=True)
    finally:
        overheard.ears.lines = None
    return Answer(Result.SENT, "accepted") if done else sort_lines(lines, to)


def sort_lines(lines: list[tuple[int, str]], to: str) -> Answer:
    """Sort a failure by what the library said of it, in the gateway's own words."""
    said = "\n".join(text for _, text in lines)
    code = next(iter(CODE.findall(said)), "")
    if code:
        return sort_code(int(code), own_words(code, said, to))
    if "timed out" in said.lower() or "aborted" in said or "RemoteDisconnected" in said:
        unsent = "ConnectTimeout" in said or "connect timeout" in said.lower()
        result = Result.TEMPORARY if unsent else Result.UNCLEAR
        return Answer(result, "no answer from the gateway", of_server=True)
    if "Connection error" in said:
        return Answer(Result.TEMPORARY, "the gateway cannot be reached", of_server=True)
    # The library refused before anything left: the number is not one this service takes.
    return Answer(Result.PERMANENT, "the gateway does not take this number or name")


def sort_code(code: int, words: str) -> Answer:
    """Sort an HTTP status: 429 asks for patience, some speak of this person, the rest of us."""
    if code == 429:
        return Answer(Result.THROTTLED, words)
    if code in FOR_GOOD:
        return Answer(Result.PERMANENT, words)
    return Answer(Result.TEMPORARY, words, of_server=True)


def own_words(code: str, said: str, to: str) -> str:
    """Return the gateway's own words, without numbers, addresses, links or the message."""
    found = DETAILS.search(said)
    body = found.group(1).splitlines()[0].strip("'\"") if found and found.group(1) else ""
    without = body.replace(to, "<address>")
    return clean(f"{code} {DIGITS.sub('<number>', without)}")
