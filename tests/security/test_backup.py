"""A backup comes back whole, a damaged one does not come back at all, and alerts ring once."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from functools import cache
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from apps.alerts.delivery import claim
from apps.alerts.models import Alert, Delivery
from apps.alerts.sweep import sweep
from apps.audit.actions import seal_events
from apps.audit.models import AuditEvent
from apps.dashboard import archive
from apps.dashboard.archive import FRAME, ArchiveError, read, write
from apps.dashboard.backups import back_up, end_access, raise_open_alerts
from apps.dashboard.management.commands.restore_drill import scratch_database
from apps.database.restored import ENDINGS
from tests.conftest import signed_in
from tests.factories import NOW, make_alert, make_patient, put_on_call
from tests.harness.processes import PROJECT
from tests.security.ways_in import Way, as_text, every_way, open_ones

PASSPHRASE = "correct horse battery staple, four times over"


@pytest.fixture(autouse=True)
def passphrase(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BACKUP_PASSPHRASE = PASSPHRASE
    monkeypatch.setenv("BACKUP_PASSPHRASE", PASSPHRASE)


def sealed(data: bytes, manifest: dict[str, Any] | None = None) -> bytes:
    out = BytesIO()
    write(out, PASSPHRASE, manifest or {"id": "1"}, BytesIO(data))
    return out.getvalue()


def opened(file: bytes, passphrase: str = PASSPHRASE) -> tuple[dict[str, Any], bytes]:
    manifest, frames = read(BytesIO(file), passphrase)
    return manifest, b"".join(frames)


@pytest.mark.parametrize("size", [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME])
def test_what_went_in_comes_out(size: int) -> None:
    data = os.urandom(size)
    assert opened(sealed(data, {"rows": {"a": 1}})) == ({"rows": {"a": 1}}, data)


def test_nothing_of_it_can_be_read_without_the_pass_phrase() -> None:
    file = sealed(b"Zephyrine takes clonazepam" * 50, {"heads": ["Zephyrine"]})
    assert b"Zephyrine" not in file
    with pytest.raises(ArchiveError, match="BACKUP_PASSPHRASE"):
        opened(file, "another pass phrase of some length")
    assert sealed(b"same") != sealed(b"same")


def test_every_changed_byte_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of one salt is worked out once here: where the salt is whole, it is the same."""
    monkeypatch.setattr(archive, "key_of", cache(archive.key_of))
    file = sealed(b"0123456789")
    for place in range(len(file)):
        bent = bytearray(file)
        bent[place] ^= 1
        with pytest.raises(ArchiveError):
            opened(bytes(bent))


def test_a_cut_extended_or_reordered_file_is_found() -> None:
    file = sealed(os.urandom(2 * FRAME))
    for length in (0, 10, 60, len(file) // 2, len(file) - 1):
        with pytest.raises(ArchiveError):
            opened(file[:length])
    with pytest.raises(ArchiveError, match="follows its last part"):
        opened(file + b"x")
    frame = 5 + FRAME + 16
    second, third = file[-2 * frame : -frame], file[-frame:]
    with pytest.raises(ArchiveError):
        opened(file[: -2 * frame] + third + second)


@pytest.mark.parametrize("passphrase", ["", "too short"])
def test_a_short_pass_phrase_is_refused_with_a_sentence(passphrase: str) -> None:
    with pytest.raises(ArchiveError, match="20 characters"):
        write(BytesIO(), passphrase, {}, BytesIO(b""))


@pytest.fixture
def clinic_with_history(transactional_db: None, patient: Any, nurse: Any) -> Alert:
    put_on_call(nurse)
    alert = make_alert(patient)
    while seal_events():
        pass
    return alert


def manage(*arguments: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=PROJECT, capture_output=True, text=True,
        check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test", "DATABASE_URL": url},
    )  # fmt: skip


def opened_by(url: str, ways: dict[str, Way]) -> set[str]:
    """Return the ways that open another database."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.security.ways_in"], cwd=PROJECT, capture_output=True,
        text=True, check=False, input=as_text(ways),
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test", "DATABASE_URL": url},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.django_db(transaction=True)
def test_a_drill_restores_verifies_and_says_how_long_it_took(clinic_with_history) -> None:
    text = StringIO()
    call_command("restore_drill", stdout=text)
    assert re.search(r"drill passed: backup \d+\.\d s, restore and verification", text.getvalue())
    assert "audit record verified" in text.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_drill_passes_where_nobody_was_removed_yet_and_a_restore_asks(
    clinic_with_history, tmp_path: Path, settings, monkeypatch
) -> None:
    settings.ERASURE_LIST = os.fspath(tmp_path / "erased.txt")  # begins with the first removal
    monkeypatch.setenv("ERASURE_LIST", settings.ERASURE_LIST)
    text = StringIO()
    call_command("restore_drill", stdout=text)
    assert "drill passed" in text.getvalue()
    file = tmp_path / "clinic.backup"
    back_up(file, now=NOW)
    with scratch_database() as url:
        done = manage("restore", os.fspath(file), url=url)
    assert done.returncode != 0
    assert "say --nobody-was-erased" in done.stderr


@pytest.mark.django_db(transaction=True)
def test_a_backup_is_private_comes_back_and_rings_once(clinic_with_history, tmp_path: Path) -> None:
    file, removed = tmp_path / "clinic.backup", tmp_path / "erased.txt"
    clinic = clinic_with_history.clinic
    left = make_patient(clinic, family_name="Quillfeather")  # removed after the backup
    manifest = back_up(file, now=NOW)
    removed.write_text(f"{NOW.isoformat()} {clinic.pk} {left.pk} {uuid4()}\n")
    assert file.stat().st_mode & 0o077 == 0
    assert manifest["rows"]["alerts_alert"] == 1
    with pytest.raises(ArchiveError, match="exists already"):
        back_up(file, now=NOW)
    make_patient(clinic_with_history.clinic)  # after the backup: it must not come back
    with scratch_database() as url:
        unsaid = manage("restore", os.fspath(file), url=url)
        assert "Say whom this restore must not bring back" in unsaid.stderr
        done = manage("restore", os.fspath(file), "--erased", os.fspath(removed), url=url)
        assert done.returncode == 0, done.stderr
        assert manage("verify_audit", url=url).returncode == 0
        again = manage("restore", os.fspath(file), "--nobody-was-erased", url=url)
        assert "not empty" in again.stderr
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT id FROM patients_patient").fetchall()
            assert found == [(clinic_with_history.patient_id,)]
            words = "SELECT count(*) FROM patients_patient WHERE family_name = 'Quillfeather'"
            assert connection.execute(words).fetchone() == (0,)
            known = (
                "SELECT last_analyze FROM pg_stat_user_tables WHERE relname = 'checkins_checkin'"
            )
            assert connection.execute(known).fetchone() != (None,), "the planner knows the tables"
            with pytest.raises(psycopg.Error, match=r"append-only|Cannot"):
                connection.execute("DELETE FROM audit_auditevent")


@pytest.mark.django_db(transaction=True)
def test_a_damaged_backup_leaves_the_database_empty(clinic_with_history, tmp_path: Path) -> None:
    file = tmp_path / "clinic.backup"
    back_up(file, now=NOW)
    bent = bytearray(file.read_bytes())
    bent[-40] ^= 1
    file.write_bytes(bent)
    with scratch_database() as url:
        done = manage("restore", os.fspath(file), "--nobody-was-erased", url=url)
        assert done.returncode != 0
        assert "changed or damaged" in done.stderr
        with psycopg.connect(url) as connection:
            found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
            assert found.fetchone() == (0,)


@pytest.mark.django_db(transaction=True)
def test_a_drill_on_a_damaged_file_fails_with_a_sentence(clinic_with_history, tmp_path) -> None:
    file = tmp_path / "clinic.backup"
    back_up(file, now=NOW)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CommandError, match="drill failed"):
        call_command("restore_drill", file)


@pytest.mark.django_db(transaction=True)
def test_what_was_ended_after_the_backup_does_not_come_back(
    patient, prescriber, clinic_admin, tmp_path: Path
) -> None:
    """Each is asked as its holder asks, of the restored database by a process of its own."""
    ways = every_way(patient, prescriber, clinic_admin)
    while seal_events():
        pass
    back_up(file := tmp_path / "clinic.backup", now=timezone.now())
    assert open_ones(ways) == set(ways), "the instrument finds each open"
    with scratch_database() as url:
        done = manage("restore", os.fspath(file), "--nobody-was-erased", url=url)
        assert done.returncode == 0, done.stderr
        assert "sessions of staff" in done.stdout
        assert "who left or got another role" in done.stdout
        assert opened_by(url, ways) == {"check-in", "trusted person"}
        assert manage("verify_audit", url=url).returncode == 0
        with psycopg.connect(url) as connection:
            seen = "SELECT sees_dose, revoked_at FROM portal_trustedperson"
            assert connection.execute(seen).fetchall() == [(False, None)]
            words = "SELECT count(*) FROM audit_auditevent WHERE event = 'restore.access_ended'"
            clinics = connection.execute("SELECT count(*) FROM patients_clinic").fetchone()
            assert connection.execute(words).fetchone() == (clinics[0] + 1,)
    with scratch_database() as url:
        asked = "--end-links"
        done = manage("restore", os.fspath(file), "--nobody-was-erased", asked, url=url)
        assert done.returncode == 0, done.stderr
        assert opened_by(url, ways) == {"trusted person"}


BREAKS: Final = """
import django; django.setup()
from django.core.management import call_command
from apps.database import restored

def breaks(now):
    raise RuntimeError("in the middle")

restored.ends_with_a_restore("what breaks", breaks)
call_command("restore", {file!r}, "--nobody-was-erased")
"""
WORKER: Final = "from config.celery import refuse; import django; django.setup(); refuse()"
MAY_READ: Final = """
SELECT has_table_privilege(role, 'django_session', 'SELECT')
FROM unnest(ARRAY['glidepath_app', 'glidepath_sweep']) role
"""


@pytest.mark.django_db(transaction=True)
def test_nobody_gets_in_before_all_is_ended(clinic_with_history, nurse, tmp_path: Path) -> None:
    """What stops in the middle leaves a database of which no process may read a row."""
    signed_in(nurse)
    back_up(file := tmp_path / "clinic.backup", now=timezone.now())
    with scratch_database() as url:
        done = subprocess.run(
            [sys.executable, "-c", BREAKS.format(file=os.fspath(file))], cwd=PROJECT,
            capture_output=True, text=True, check=False,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test",
                 "DATABASE_URL": url},
        )  # fmt: skip
        assert "in the middle" in done.stderr
        with psycopg.connect(url) as connection:
            sessions = connection.execute("SELECT count(*) FROM django_session").fetchone()
            assert sessions != (0,), "the load was whole"
            assert connection.execute(MAY_READ).fetchall() == [(False,), (False,)]


KILLED: Final = """
import os, signal, django; django.setup()
from django.core.management import call_command
from apps.dashboard import backups
from apps.dashboard.management.commands import restore
from apps.database import restored

def killed(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

if {where!r} == "before the load":
    backups._load = killed
elif {where!r} == "after the load":
    restore.call_command = killed
else:
    restored.ends_with_a_restore("what kills", killed)
call_command("restore", {file!r}, "--nobody-was-erased")
"""


def python(code: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings_test", "DATABASE_URL": url},
    )  # fmt: skip


@pytest.mark.parametrize("where", ["after the load", "in the last transaction"])
@pytest.mark.django_db(transaction=True)
def test_nothing_opens_a_database_whose_restore_was_killed(
    where: str, clinic_with_history, nurse, tmp_path: Path
) -> None:
    """`migrate` would give the rights, and with them whoever was removed and what was ended."""
    signed_in(nurse)
    back_up(file := tmp_path / "clinic.backup", now=timezone.now())
    do = "stopped in the middle.*run manage.py restore again"
    with scratch_database() as url:
        done = python(KILLED.format(where=where, file=os.fspath(file)), url)
        assert done.returncode == -signal.SIGKILL
        for command in ("migrate", "createcachetable", "seal_audit", "run_dispatcher"):
            refused = manage(command, url=url)
            assert refused.returncode != 0, command
            assert re.search(do, refused.stderr), (command, refused.stderr)
        for at_home in ("0", "1"):
            for part in ("import config.wsgi", WORKER):
                demo = f"import os; os.environ['GLIDEPATH_DEMO'] = '{at_home}'; "
                refused = python(demo + part, url)
                assert refused.returncode != 0, part
                assert re.search(do, refused.stderr), (part, refused.stderr)
        for command in (("backup", os.fspath(tmp_path / "of-it.backup")),
                        ("restore", os.fspath(file), "--nobody-was-erased")):  # fmt: skip
            refused = manage(*command, url=url)
            assert refused.returncode != 0
            assert re.search(do, refused.stderr), refused.stderr
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM django_session").fetchone() != (0,)
            assert connection.execute(MAY_READ).fetchall() == [(False,), (False,)]


@pytest.mark.django_db(transaction=True)
def test_a_restore_that_was_killed_before_the_load_begins_anew(
    clinic_with_history, tmp_path: Path
) -> None:
    back_up(file := tmp_path / "clinic.backup", now=timezone.now())
    with scratch_database() as url:
        python(KILLED.format(where="before the load", file=os.fspath(file)), url)
        assert "stopped in the middle" in manage("migrate", url=url).stderr
        done = manage("restore", os.fspath(file), "--nobody-was-erased", url=url)
        assert done.returncode == 0, done.stderr
        assert manage("migrate", url=url).returncode == 0
        with psycopg.connect(url) as connection:
            mark = "SELECT to_regclass('public.restore_unfinished')"
            assert connection.execute(mark).fetchone() == (None,)
            assert connection.execute(MAY_READ).fetchall() == [(True,), (True,)]


@pytest.mark.django_db(transaction=True)
def test_a_quiet_restore_ends_and_removes_all_the_same(
    clinic_with_history, nurse, tmp_path: Path
) -> None:
    signed_in(nurse)
    file, removed = tmp_path / "clinic.backup", tmp_path / "erased.txt"
    clinic = clinic_with_history.clinic
    left = make_patient(clinic, family_name="Quillfeather")
    back_up(file, now=NOW)
    removed.write_text(f"{NOW.isoformat()} {clinic.pk} {left.pk} {uuid4()}\n")
    with scratch_database() as url:
        unsaid = manage("restore", os.fspath(file), "--quiet-alerts", url=url)
        assert "Say whom this restore must not bring back" in unsaid.stderr
        done = manage(
            "restore", os.fspath(file), "--quiet-alerts", "--erased", os.fspath(removed), url=url
        )
        assert done.returncode == 0, done.stderr
        assert "0 open alerts raised again" in done.stdout
        with psycopg.connect(url) as connection:
            for words in (
                "SELECT count(*) FROM django_session",
                "SELECT count(*) FROM patients_patient WHERE family_name = 'Quillfeather'",
                "SELECT count(*) FROM audit_auditevent WHERE event = 'restore.alerts_raised'",
            ):
                assert connection.execute(words).fetchone() == (0,), words
            assert connection.execute(MAY_READ).fetchall() == [(True,), (True,)]


@pytest.mark.django_db
def test_access_is_ended_once_per_restore_and_all_or_nothing(nurse, monkeypatch) -> None:
    client, restored = signed_in(nurse), uuid4()
    board = reverse("dashboard:caseload")

    def fails(now: Any) -> int:
        raise RuntimeError("the last of them")

    with monkeypatch.context() as broken:
        broken.setitem(ENDINGS, "what fails", fails)
        with pytest.raises(RuntimeError):
            end_access(backup_id=restored, now=NOW)
    assert client.get(board).status_code == 200
    assert end_access(backup_id=restored, now=NOW)["sessions of staff"] == 1
    assert client.get(board).status_code == 302
    nurse.user.refresh_from_db()
    later = signed_in(nurse)
    assert end_access(backup_id=restored, now=NOW) == {}
    assert later.get(board).status_code == 200


def test_every_kept_secret_of_a_link_ends_with_a_restore_or_says_why_not() -> None:
    """A new kind of token fails here until somebody has decided."""
    found = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if re.search("token_hash|secret_hash|link_hash|session_epoch", field.name)
    }
    assert found == {
        "accounts.Invitation.token_hash", "accounts.User.session_epoch",
        "alerts.Delivery.link_hash",  # kept: 24 hours, takes one alert, shows nothing more
        "checkins.CheckInLink.token_hash",  # kept unless asked: 48 hours, sends, shows nothing
        "exchange.CalendarFeed.token_hash", "portal.Invitation.token_hash",
        "portal.TrustedPerson.token_hash",  # kept: reports danger, sees no dose any more
        "programs.AccessToken.token_hash", "programs.Program.secret_hash",
    }  # fmt: skip


@pytest.mark.django_db
def test_after_a_restore_an_open_alert_rings_the_next_person_once(patient, nurse, backup) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    claim(NOW)
    Delivery.objects.update(
        status="sent", sent_at=NOW, lease_token=None, lease_until=None, next_attempt_at=None
    )
    later, restored = NOW + timedelta(seconds=30), uuid4()
    assert raise_open_alerts(backup_id=restored, now=later) == 1
    assert raise_open_alerts(backup_id=restored, now=later) == 0
    sweep(later)
    sweep(later)
    told = [row.recipient for row in alert.deliveries.order_by("round")]
    assert told == [nurse, backup]
    assert Delivery.objects.get(recipient=nurse).status == "sent"
    assert AuditEvent.objects.filter(event="restore.alerts_raised").count() == 1


@pytest.mark.django_db
def test_a_message_that_still_waits_is_not_doubled_by_a_restore(patient, nurse, backup) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    assert raise_open_alerts(backup_id=uuid4(), now=NOW) == 0
    sweep(NOW)
    assert alert.deliveries.count() == 1
