"""A start without its secrets stops with a sentence; a weak installation is not deployed."""

import os
import subprocess
import sys
from pathlib import Path
from secrets import token_urlsafe

import pytest
from django.core.management import get_commands
from django.db import connection

from apps.dashboard.management.commands.restore_drill import url_of
from config.files import SECRETS
from tests.harness.processes import PROJECT

GOOD = {
    "SECRET_KEY": token_urlsafe(48),
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
        ("SECRET_KEY", "short", "accounts.E010"),
        ("SECRET_KEY_FALLBACKS", "short", "accounts.E011"),
        ("GLIDEPATH_DEMO", "1", "accounts.E001"),
        ("DEBUG", "1", "accounts.E012"),
        ("SITE_URL", "http://glidepath.example", "accounts.E013"),
        ("ALLOWED_HOSTS", "*", "accounts.E014"),
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
        "s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS); import django; "
        "django.setup(); from apps.accounts.known_browser import cookie_of; "
        "from apps.portal.entry_views import DEVICE_COOKIE; "
        "print(cookie_of('a@b.example')[:13], DEVICE_COOKIE)"
    )
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=PROJECT, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **GOOD},
    )  # fmt: skip
    assert done.stdout.split() == [
        "__Host-sessionid", "__Host-csrftoken", "True", "True", "31536000",
        "__Host-known_", "__Host-patient_device",
    ]  # fmt: skip


# Each command of ours that works on an installation; test_no_command_is_forgotten finds a new one.
COMMANDS = (
    "run_clocks", "send_reminders", "settle_plans", "run_care_clocks", "send_portal_mails",
    "extend_rotas", "seal_audit", "make_partitions", "verify_audit", "count_days",
    "rebuild_states", "run_drill", "erase_records", "restore_drill",
)  # fmt: skip
# As the shipped files begin them: tests/test_deploy.py reads the same commands there.
STARTS = {
    "web": ("-m", "gunicorn", "config.wsgi:application", "--config", "config/gunicorn.py"),
    "worker": ("-m", "celery", "-A", "config", "worker", "--queues", "alerts"),
    "beat": ("-m", "celery", "-A", "config", "beat", "--pidfile="),
    "dispatcher": ("manage.py", "run_dispatcher"),
    "sweep": ("manage.py", "sweep_alerts"),
    **{name: ("manage.py", name) for name in COMMANDS},
    **{name: ("manage.py", name, "nothing.backup") for name in ("backup", "restore")},
    "migrate": ("manage.py", "check", "--deploy", "--fail-level", "ERROR"),
}
WEAK = {
    "SECRET_KEY": ("changeme-secret", "SECRET_KEY is short"),
    "SECRET_KEY_FALLBACKS": ("django-insecure-" + "a1b2c3d4" * 8, "SECRET_KEY_FALLBACKS is weak"),
    "GLIDEPATH_DEMO": ("1", "GLIDEPATH_DEMO is on"),
    "DEBUG": ("1", "DEBUG is on"),
    "SITE_URL": ("http://glidepath.example", "SITE_URL must begin with https://"),
    "ALLOWED_HOSTS": ("*", "ALLOWED_HOSTS takes any name"),
    "DATABASE_URL": ("postgres://glidepath:glidepath@127.0.0.1:1/x", "password in DATABASE_URL"),
    "CELERY_BROKER_URL": ("redis://:hunter2@127.0.0.1:1/0", "password in CELERY_BROKER_URL"),
    "METRICS_TOKEN": ("letmein", "password in METRICS_TOKEN"),
    "EMAIL_URL": ("smtp+tls://us:hunter2@mail.example:587", "password in EMAIL_URL"),
}
PAIRS = [("web", name) for name in WEAK] + [(start, "SECRET_KEY") for start in STARTS]


def start(part: str, folder: Path, **changes: str) -> tuple[int, str]:
    """Start a part of an installation as its unit does; return how it ended and what it said.

    Neither database nor broker is there: what starts says so and waits, until the limit.
    """
    nowhere = {
        "DATABASE_URL": "postgres://run@127.0.0.1:1/nothing", "WEB_BIND": "127.0.0.1:0",
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0", "WEB_WORKERS": "1",
        "BEAT_SCHEDULE_FILE": str(folder / "beat"), "STATIC_ROOT": str(folder),
    }  # fmt: skip
    environment = {
        "PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **GOOD, **nowhere,
        **changes,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, *STARTS[part]], cwd=PROJECT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
        return 0, said
    return process.returncode, said


@pytest.mark.parametrize(
    ("part", "name"), [*PAIRS, ("worker", "DEBUG"), ("beat", "GLIDEPATH_DEMO")]
)
def test_no_process_of_an_installation_starts_with_what_is_weak(part, name, tmp_path) -> None:
    value, sentence = WEAK[name]
    ended, said = start(part, tmp_path, **{name: value})
    assert ended != 0, said
    assert sentence in said
    assert "hunter2" not in said
    assert "changeme-secret" not in said


def test_no_command_is_forgotten() -> None:
    """What opens a clinic, brings a record in or migrates is done by hand, and judged else."""
    ours = {name for name, app in get_commands().items() if str(app).startswith("apps.")}
    by_hand = {"create_clinic", "create_run_login", "createcachetable", "migrate", "import_record"}
    started = {arguments[1] for arguments in STARTS.values() if arguments[0] == "manage.py"}
    assert ours - by_hand == started - {"check"}


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("smtp://us:a-long-password-of-ours@mail.example:25", "sends mails in the clear"),
        ("smtp+tls://mail.example:587", "EMAIL_URL has no password"),
    ],
)
def test_mails_go_over_tls_to_a_server_that_asks_who_we_are(url, says, tmp_path) -> None:
    ended, said = start("sweep", tmp_path, EMAIL_URL=url)
    assert ended != 0
    assert says in said
    assert "a-long-password" not in said
    assert says not in start("sweep", tmp_path, EMAIL_URL=url, TRUST_NETWORK="1")[1]


def test_mails_over_tls_with_a_good_password_or_a_token_for_both_are_sent(tmp_path) -> None:
    fine = "smtp+tls://us:a-long-password-of-ours@mail.example:587"
    assert "does not start so" not in start("sweep", tmp_path, EMAIL_URL=fine)[1]
    token = "0a1b2c3d-1111-2222-3333-444455556666"  # some providers give one, as both
    both = f"smtp+tls://{token}:{token}@mail.example:587"
    assert "does not start so" not in start("sweep", tmp_path, EMAIL_URL=both)[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", ["sweep_alerts", "seal_audit", "run_clocks"])
def test_no_command_of_a_clock_works_as_the_owner(command: str, tmp_path) -> None:
    ended, said = start(command if command != "sweep_alerts" else "sweep", tmp_path,
                        DATABASE_URL=url_of(connection.settings_dict["NAME"]))  # fmt: skip
    assert ended != 0
    assert "owns the tables or is a superuser" in said


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "CELERY_BROKER_URL"])
def test_the_web_process_does_not_start_without_its_secrets(name, tmp_path) -> None:
    ended, said = start("web", tmp_path, **{name: ""})
    assert ended != 0
    assert f"Set {name} in the environment" in said


def test_the_migration_job_passes_what_is_strong_and_refuses_before_it_changes_a_table(
    tmp_path,
) -> None:
    """The same key, long enough, gets as far as the database that is not there."""
    assert start("migrate", tmp_path)[0] == 0
    _, said = start("sweep", tmp_path)
    assert "does not start so" not in said
    assert "connection" in said


def test_the_demo_of_make_run_stays_possible_on_this_machine_alone(tmp_path) -> None:
    home = {
        "SITE_URL": "http://localhost:8000",
        "GLIDEPATH_DEMO": "1",
        "ALLOWED_HOSTS": "localhost",
    }
    mails = {"EMAIL_URL": "smtp://mail.example:25"}
    assert "does not start so" not in start("sweep", tmp_path, **home)[1]
    assert "GLIDEPATH_DEMO is on" in start("sweep", tmp_path, **home, **mails)[1]


def test_a_secret_may_come_from_a_file_and_a_variable_that_is_set_wins(tmp_path) -> None:
    values = {"SECRET_KEY": token_urlsafe(48), "METRICS_TOKEN": token_urlsafe(20)}
    for name, value in values.items():
        (tmp_path / name).write_text(value + "\n")
    show = "from django.conf import settings as s; print(s.SECRET_KEY, s.METRICS_TOKEN)"
    base = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "config.settings", **GOOD}
    files = {f"{name}_FILE": str(tmp_path / name) for name in values}
    given = {**base, **files, "SECRET_KEY": ""}

    def shown(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", show], cwd=PROJECT, capture_output=True, text=True, check=False,
            env=environment,
        )  # fmt: skip

    assert shown(**given).stdout.split() == list(values.values())
    assert shown(**{**given, "SECRET_KEY": GOOD["SECRET_KEY"]}).stdout.split() == [
        GOOD["SECRET_KEY"], values["METRICS_TOKEN"],
    ]  # fmt: skip
    missing = shown(**{**given, "SECRET_KEY_FILE": str(tmp_path / "none")})
    assert missing.returncode != 0
    assert "SECRET_KEY_FILE names" in missing.stderr
    assert {"SECRET_KEY", "DATABASE_URL", "BACKUP_PASSPHRASE"} <= set(SECRETS)
