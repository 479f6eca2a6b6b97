"""Deploy checks that stop an installation from going live by mistake."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Tags, Warning, register

from apps.accounts.starting import is_here

HOW_TO_DATABASE = (
    "Add ?sslmode=verify-full (and sslrootcert) to DATABASE_URL, or set TRUST_NETWORK=1 where "
    "nothing but this installation is on that network."
)


@register(Tags.security, deploy=True)
def other_machines_are_reached_over_tls(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Refuse to deploy where health data or sign-ins would cross a network in the clear."""
    if settings.TRUST_NETWORK:
        return []
    plain = []
    database = settings.DATABASES["default"]
    host, options = database["HOST"] or "", database.get("OPTIONS", {})
    named = options.get("host", host)
    ways = ("verify-ca", "verify-full")  # the others take any certificate
    if not is_here(named) and options.get("sslmode") not in ways:
        plain.append(
            Warning("PostgreSQL is reached without TLS.", HOW_TO_DATABASE, id="accounts.W002")
        )
    broker = urlsplit(settings.CELERY_BROKER_URL)
    if broker.scheme in ("redis", "amqp") and not is_here(broker.hostname or ""):
        hint = "Use rediss:// or amqps:// in CELERY_BROKER_URL, or set TRUST_NETWORK=1."
        plain.append(Warning("The broker is reached without TLS.", hint, id="accounts.W003"))
    if not is_here(settings.EMAIL_HOST) and not (settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL):
        hint = "Use smtp+tls:// or smtp+ssl:// in EMAIL_URL, or set TRUST_NETWORK=1."
        plain.append(Warning("The mail server is reached without TLS.", hint, id="accounts.W004"))
    return plain
