"""What no process of a real installation starts with: a weak secret, debug mode, the demo.

The same is asked by `check --deploy`, which the shipped migration runs first, so that an upgrade
stops there while the processes of before go on. docs/operations.md lists it all for operators.
"""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

# Hosts that no network lies between.
THIS_MACHINE: Final = ("", "localhost", "127.0.0.1", "::1")
# Django's own measure of a key (its W009): so long, and so many different characters.
KEY_LENGTH, KEY_VARIETY = 50, 5
PASSWORD_LENGTH: Final = 12  # [proposal] for servers: nobody has to keep these in mind
# What everybody can read in this repository or in Django's, and so nobody's secret.
PUBLISHED: Final = ("django-insecure-", "an-example-", "for-collecting-only")
HOW_TO_KEY: Final = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))" makes one.'


def is_here(host: str) -> bool:
    """Answer whether a host is this machine, or a socket on it."""
    return host in THIS_MACHINE or host.startswith("/")


def refuse_weak() -> None:
    """Stop a process that would serve or work with secrets that anybody can guess.

    Called once, where a process begins: web, worker, beat, dispatcher, and each command that works
    on an installation (apps/database/working_command.py). Raises
    `ImproperlyConfigured` with one sentence for each reason; none of them holds a secret.
    """
    at_home = is_here(urlsplit(settings.SITE_URL).hostname or "") and is_here(settings.EMAIL_HOST)
    if reasons := [error.msg for error in weak(at_home=at_home)]:
        raise ImproperlyConfigured("Glidepath does not start so. " + " ".join(reasons))


@register(Tags.security, deploy=True)
def nothing_is_weak(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse to deploy what would not start."""
    return list(weak(at_home=False))


def weak(*, at_home: bool) -> Iterator[Error]:
    """Yield what is wrong: the key, open doors, the addresses, the passwords of servers.

    `at_home` says that only who sits at this machine can come by, as with `make run`.
    """
    yield from weak_keys()
    yield from weak_addresses()
    if not at_home:
        yield from open_doors()
        yield from weak_passwords()
        yield from open_mail()


def weak_keys() -> Iterator[Error]:
    """Yield each key that can be guessed: whoever has one signs sessions, links and resets."""
    if is_weak_key(settings.SECRET_KEY):
        text = f"SECRET_KEY is short, repeats itself or is published; {HOW_TO_KEY}"
        yield Error(text, id="accounts.E010")
    if any(is_weak_key(key) for key in settings.SECRET_KEY_FALLBACKS):
        text = "A key in SECRET_KEY_FALLBACKS is weak: what anybody can sign with it still opens."
        yield Error(text, id="accounts.E011")


def is_weak_key(key: str) -> bool:
    """Answer whether a key is short, repeats itself, or stands in a public repository."""
    return len(key) < KEY_LENGTH or len(set(key)) < KEY_VARIETY or key.startswith(PUBLISHED)


def open_doors() -> Iterator[Error]:
    """Yield what lets everybody in, or shows everybody what went wrong inside."""
    if settings.DEMO_MODE:
        text = "GLIDEPATH_DEMO is on: anyone could enter as anyone. Unset it."
        yield Error(text, id="accounts.E001")
    if settings.DEBUG:
        text = "DEBUG is on: error pages would show what patients wrote. Unset it."
        yield Error(text, id="accounts.E012")


def weak_addresses() -> Iterator[Error]:
    """Yield addresses by which a session or a link could be taken on its way."""
    site = urlsplit(settings.SITE_URL)
    if site.scheme != "https" and not is_here(site.hostname or ""):
        text = (
            "SITE_URL must begin with https://: passwords and answers would be sent in the clear."
        )
        yield Error(text, id="accounts.E013")
    if "*" in settings.ALLOWED_HOSTS:
        text = "ALLOWED_HOSTS takes any name: links in mails could lead to somebody else's server."
        yield Error(text, id="accounts.E014")


def weak_passwords() -> Iterator[Error]:
    """Yield each server whose password can be guessed; one without is trusted to know us else."""
    database = settings.DATABASES["default"]
    broker = urlsplit(settings.CELERY_BROKER_URL)
    doors = (
        ("DATABASE_URL", database.get("USER"), database.get("PASSWORD")),
        ("CELERY_BROKER_URL", broker.username, unquote(broker.password or "")),
        ("METRICS_TOKEN", None, settings.METRICS_TOKEN),
        ("EMAIL_URL", settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD),
    )
    for number, (name, user, password) in enumerate(doors, start=15):
        # A provider of mails may give one token, made by chance, as name and password.
        is_name = password == user and name != "EMAIL_URL"
        if password and (len(password) < PASSWORD_LENGTH or is_name):
            text = (
                f"The password in {name} can be guessed: take {PASSWORD_LENGTH} characters or "
                "more, made by chance."
            )
            yield Error(text, id=f"accounts.E0{number}")


def open_mail() -> Iterator[Error]:
    """Yield why mails could be read or written by others: each may hold a link to a new password.

    On a network where nothing else is (`TRUST_NETWORK`) a server may know us by our address.
    """
    if is_here(settings.EMAIL_HOST) or settings.TRUST_NETWORK:
        return
    if not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        text = (
            "EMAIL_URL sends mails in the clear, with links to new passwords: use smtp+tls:// or "
            "smtp+ssl://, or set TRUST_NETWORK=1 where nothing else is on that network."
        )
        yield Error(text, id="accounts.E019")
    if not settings.EMAIL_HOST_PASSWORD:
        text = (
            "EMAIL_URL has no password: a server that takes mail from anybody lets anybody write "
            "as this clinic. Give one, or set TRUST_NETWORK=1 where nothing else is on that "
            "network."
        )
        yield Error(text, id="accounts.E020")
