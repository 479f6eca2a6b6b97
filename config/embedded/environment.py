"""Every environment variable of `make run`'s processes, in one place."""

import os
from collections.abc import Mapping
from pathlib import Path

from config.embedded.folder import DataFolder

# What a person's shell sets for other programs must not change ours.
FOREIGN_PREFIXES = ("PG", "DJANGO_", "CELERY_", "EMAIL_", "REDIS_", "GLIDEPATH_")
FOREIGN = {"DEBUG", "ALLOWED_HOSTS", "PYTHONPATH", "PYTHONHOME", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


def clinic_environment(
    folder: DataFolder, *, site_url: str, database_url: str, broker_url: str, mail_port: int
) -> dict[str, str]:
    """Return the variables that describe this clinic; `make manage` gets the same ones."""
    return {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "SECRET_KEY": folder.secret_key(),
        "DATABASE_URL": database_url,
        "CELERY_BROKER_URL": broker_url,
        # Always the catcher: fictional patients never mail the world.
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
        "SITE_URL": site_url,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "SECURE_SSL_REDIRECT": "0",
        "DEBUG": "0",
        "GLIDEPATH_DEMO": "1",
        "DEMO_MAIL_DIR": os.fspath(folder.mail),
        "STATIC_ROOT": os.fspath(folder.static),
        "BEAT_SCHEDULE_FILE": os.fspath(folder.beat / "schedule"),
        "ERASURE_LIST": os.fspath(folder.path / "erased.txt"),
    }


def child_environment(own: Mapping[str, str], outer: Mapping[str, str]) -> dict[str, str]:
    """Return what a child process sees: the person's environment, then ours over it."""
    kept = {
        name: value
        for name, value in outer.items()
        if name not in FOREIGN and not name.startswith(FOREIGN_PREFIXES)
    }
    return {**kept, **own, "PYTHONUNBUFFERED": "1"}


def project_folder() -> Path:
    """Return the checkout, from where every child runs."""
    return Path(__file__).resolve().parent.parent.parent
