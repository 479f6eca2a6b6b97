"""Settings from the environment, and the secrets among them from files besides.

Orchestrators hand secrets out as files: Docker and Compose under /run/secrets, Kubernetes as a
volume, systemd by LoadCredential. A file is read by its owner alone; the environment of a process
is inherited by all that it starts.
"""

import os
from collections.abc import Mapping
from typing import Final

import environ
from django.core.exceptions import ImproperlyConfigured

# Each may be given as NAME_FILE, the path of a file that holds it.
SECRETS: Final = (
    "SECRET_KEY", "SECRET_KEY_FALLBACKS", "DATABASE_URL", "CELERY_BROKER_URL", "EMAIL_URL",
    "METRICS_TOKEN", "ERROR_REPORT_DSN", "HEARTBEAT_URL", "BACKUP_PASSPHRASE",
)  # fmt: skip


def settings_reader() -> environ.Env:
    """Return what reads settings from this process's environment and the files it names."""
    reader = environ.Env()
    reader.ENVIRON = with_files(os.environ)
    return reader


def with_files(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with each secret that a file holds; the files' last line end goes.

    A variable that is set wins over its file: that is how the owner's DATABASE_URL, and that of
    a scratch database, take the place of the usual one. Raises `ImproperlyConfigured` for a file
    that cannot be read.
    """
    found = dict(given)
    for name in SECRETS:
        path = given.get(f"{name}_FILE", "")
        if path and not given.get(name):
            found[name] = content_of(name, path)
    return found


def content_of(name: str, path: str) -> str:
    """Return what a secret's file holds."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names {path}, which cannot be read ({type(error).__name__})."
        ) from error
