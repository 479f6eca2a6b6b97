"""A start without its secrets stops with a sentence; a weak installation is not deployed."""

import os
import subprocess
import sys

import pytest

from tests.harness.processes import PROJECT

GOOD = {
    "SECRET_KEY": "an-example-as-long-and-as-varied-as-0a1b2c3d4e5f6g7h8i9j-a-real-one",
    "DATABASE_URL": "postgres://glidepath@database/glidepath?sslmode=verify-full",
    "CELERY_BROKER_URL": "rediss://broker:6379/0",
    "SITE_URL": "https://glidepath.example",
    "ALLOWED_HOSTS": "glidepath.example",
    "BEHIND_TLS_PROXY": "1",
}


def check_deploy(**changes: str | None) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in (GOOD | changes).items() if value is not None}
    environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **own}
    return subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_full_environment_is_clean() -> None:
    done = check_deploy()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"])
def test_a_missing_secret_stops_the_start_with_a_sentence(name: str) -> None:
    done = check_deploy(**{name: None})
    assert done.returncode != 0
    assert f"Set {name} in the environment" in done.stderr


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET_KEY", "short", "security.W009"),
        ("GLIDEPATH_DEMO", "1", "accounts.E001"),
        ("DEBUG", "1", "security.W018"),
        ("SITE_URL", "http://glidepath.example", "security.W004"),
        ("DATABASE_URL", "postgres://glidepath@database/glidepath", "accounts.W002"),
        ("CELERY_BROKER_URL", "redis://broker:6379/0", "accounts.W003"),
        ("EMAIL_URL", "smtp://mail.example:25", "accounts.W004"),
    ],
)
def test_a_weak_installation_is_refused(name: str, value: str, says: str) -> None:
    done = check_deploy(**{name: value})
    assert done.returncode != 0
    assert says in done.stderr


def test_what_stays_on_this_machine_or_a_trusted_network_needs_no_tls() -> None:
    plain = {
        "DATABASE_URL": "postgres://glidepath@database/glidepath",
        "CELERY_BROKER_URL": "redis://broker:6379/0",
        "EMAIL_URL": "smtp://mail.example:25",
    }
    here = {
        "DATABASE_URL": "postgres://glidepath@/glidepath?host=/run/postgresql",
        "CELERY_BROKER_URL": "redis://localhost:6379/0",
    }
    for environment in (here, plain | {"TRUST_NETWORK": "1"}):
        done = check_deploy(**environment)
        assert done.returncode == 0, done.stderr


def test_over_https_cookies_are_bound_to_this_host() -> None:
    show = (
        "from django.conf import settings as s; print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, "
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS)"
    )
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=PROJECT, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **GOOD},
    )  # fmt: skip
    assert done.stdout.split() == [
        "__Host-sessionid", "__Host-csrftoken", "True", "True", "31536000",
    ]  # fmt: skip
