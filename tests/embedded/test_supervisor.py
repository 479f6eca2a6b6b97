"""`make run` as a person meets it: the real supervisor in a folder of its own."""

import contextlib
import os
import shlex
import signal
import smtplib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.postgres import PostgresServer, temporary_folder
from config.embedded.processes import kill_group
from tests.harness.processes import PROJECT
from tests.harness.template import copy_tables, is_shared, template, template_url
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.flow, pytest.mark.xdist_group("supervisor")]

ONE_CLINIC = """
import django
django.setup()
from django.core.management import call_command
from apps.patients.models import Clinic
call_command("migrate", verbosity=0)
Clinic.objects.create(name="Kept Clinic", phone="1", after_hours_phone="2")
"""


class Clinic:
    """One `python -m config.embedded` on one data folder."""

    def __init__(self, folder: Path, port: int | None = None, **environment: str) -> None:
        self.folder = folder
        self.port = port or free_port()
        ours = {"PORT": str(self.port), "GLIDEPATH_DATA": os.fspath(folder)}
        foreign = ("DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE")
        outer = {name: value for name, value in os.environ.items() if name not in foreign}
        self.output = folder.with_name(f"{folder.name}.{self.port}.out")
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.embedded"],
                env={**outer, **ours, **environment},
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.output.read_text()

    def wait_ready(self) -> "Clinic":
        wait_until(lambda: "Glidepath runs at" in self.said() or self.ended(), 90, self.said)
        assert not self.ended(), self.said()
        return self

    def ended(self) -> bool:
        return self.process.poll() is not None

    def exit_code(self) -> int:
        return self.process.wait(timeout=60)

    def environment(self) -> dict[str, str]:
        lines = (shlex.split(line)[1] for line in (self.folder / "env").read_text().splitlines())
        return dict(line.split("=", 1) for line in lines)

    def children(self) -> dict[int, str]:
        """Return every descendant that runs, by number."""
        parents = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                rest = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if rest[0] != "Z":
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    parents[int(entry.name)] = (int(rest[1]), command)
        family = {self.process.pid}
        while more := {pid for pid, (ppid, _) in parents.items() if ppid in family} - family:
            family |= more
        return {pid: parents[pid][1] for pid in family - {self.process.pid} if pid in parents}

    def end(self) -> None:
        if not self.ended():
            self.process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
        kill_group(self.process)
        self.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def made_folder() -> Iterator[Path]:
    """A folder with a database that has a clinic already, so that no start makes the demo up."""
    folder = temporary_folder("tests")
    with PostgresServer(folder / "postgres", log=folder / "log") as server:
        if is_shared():
            template()
            copy_tables(template_url(), server.url)
        environment = {**os.environ, "DATABASE_URL": server.url}
        environment["DJANGO_SETTINGS_MODULE"] = "config.settings_test"
        command = [sys.executable, "-c", ONE_CLINIC]
        subprocess.run(command, cwd=PROJECT, env=environment, check=True)
    if os.geteuid() == 0:
        os.chown(folder, 0, -1)  # root's, as if make run had made it
        folder.chmod(0o711)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=False)


def copied(folder: Path) -> Path:
    """Return a copy of a data folder, for a clinic of its own."""
    copy = folder.with_name(f"{folder.name}-{free_port()}")
    subprocess.run(["cp", "-a", folder, copy], check=True)
    return copy


@pytest.fixture
def start(made_folder: Path) -> Iterator:
    started: list[Clinic] = []

    def begin(folder: Path, **more) -> Clinic:
        started.append(Clinic(folder, **more))
        return started[-1]

    yield begin
    for clinic in started:
        clinic.end()
        clinic.output.unlink(missing_ok=True)


@pytest.fixture
def data(made_folder: Path) -> Iterator[Path]:
    """A data folder for one test."""
    folder = copied(made_folder)
    yield folder
    subprocess.run(["rm", "-rf", folder], check=False)


@pytest.fixture(scope="module")
def clinic(made_folder: Path) -> Iterator[Clinic]:
    """A clinic that runs while the tests of this file look at it; the last one ends it."""
    running = Clinic(copied(made_folder))
    try:
        yield running.wait_ready()
    finally:
        running.end()
        running.output.unlink()
        subprocess.run(["rm", "-rf", running.folder], check=False)


def clinic_names(database_url: str) -> list[str]:
    import psycopg

    with psycopg.connect(database_url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM patients_clinic")]


def parts_ready(clinic: Clinic) -> set[str]:
    return {line.split()[0] for line in clinic.said().splitlines() if "ready (" in line}


def worker_log(clinic: Clinic) -> str:
    return (clinic.folder / "logs" / "worker.log").read_text()


ALWAYS = {"PostgreSQL", "clinic", "mail", "dispatcher", "worker", "beat", "web"}


def test_the_tests_of_this_file_share_one_process(request):
    # pytest 9.2 forgets xdist's groups without a word (pytest-xdist#1386): hence the pin.
    assert "PYTEST_XDIST_WORKER" not in os.environ or request.node.nodeid.endswith("@supervisor")


def test_every_part_says_that_it_is_ready_and_the_data_is_kept(clinic):
    assert parts_ready(clinic) == ALWAYS | {"Redis"}
    assert f"Glidepath runs at http://localhost:{clinic.port}" in clinic.said()
    assert clinic_names(clinic.environment()["DATABASE_URL"]) == ["Kept Clinic"]


def test_beat_reaches_the_worker_through_redis(clinic):
    wait_until(lambda: "alerts.tasks.sweep" in worker_log(clinic), 30)


def test_a_second_clinic_on_the_same_folder_says_who_has_it(clinic, start):
    second = start(clinic.folder)
    assert second.exit_code() == 1
    assert second.said() == (
        f"Glidepath is already running on {clinic.folder} (http://localhost:{clinic.port}, process "
        f"{clinic.process.pid}): use that one, stop it with Ctrl-C, or choose another folder "
        "with GLIDEPATH_DATA.\n"
    )
    assert not clinic.ended()


def test_a_used_port_is_named_with_another_to_take(clinic, start, server_folder):
    second = start(server_folder / "other", port=clinic.port)
    assert second.exit_code() == 1
    assert second.said() == (
        f"Port {clinic.port} is used by another program: end that one, or choose another port "
        f"with make run PORT={clinic.port + 1}.\n"
    )
    assert not clinic.ended()


def test_what_dies_starts_again_and_one_line_says_so(clinic):
    commands = clinic.children().items()
    victims = [pid for pid, command in commands if "mailcatcher" in command or "redis-s" in command]
    assert len(victims) == 2
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    for name in ("mail", "Redis"):
        wait_until(
            lambda name=name: f"{name:<12} ended by itself; starts again" in clinic.said(), 30
        )
    wait_until(lambda: sum("redis-server" in c for c in clinic.children().values()) == 1, 30)


def test_mail_stays_in_the_folder_under_a_name_that_sorts(clinic):
    port = int(clinic.environment()["EMAIL_URL"].rsplit(":", 1)[1])
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("a@example.org", ["b@example.org"], "Subject: Kept\r\n\r\nText.\r\n")
    kept = list((clinic.folder / "mail").glob("*.eml"))
    assert any("Subject: Kept" in mail.read_text() for mail in kept)
    assert all(mail.stem.replace("-", "").isdecimal() for mail in kept)


def test_make_manage_reaches_the_running_clinic(clinic):
    names = "from apps.patients.models import Clinic; print(*Clinic.objects.all())"
    done = subprocess.run(
        ["/bin/sh", "-c", '. "$1"/env && exec "$2" manage.py shell --verbosity=0 -c "$3"', "sh",
         clinic.folder, sys.executable, names],
        cwd=PROJECT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "Kept Clinic"


def test_secrets_are_readable_by_their_owner_alone(clinic):
    for name in ("env", "secret_key", "lock"):
        assert (clinic.folder / name).stat().st_mode & 0o077 == 0
    assert clinic.folder.stat().st_mode & 0o067 == 0


def test_ctrl_c_ends_everything_and_leaves_nothing(clinic):
    children = clinic.children()
    assert len(children) >= 7
    clinic.process.send_signal(signal.SIGINT)
    assert clinic.process.wait(timeout=6) == 0
    assert [children[pid] for pid in children if runs(pid)] == []
    assert not {path.name for path in clinic.folder.iterdir()} & {"lock", "env"}
    assert not [*clinic.folder.glob("*/*.sock"), *clinic.folder.glob("postgres/.s.*")]


def test_it_runs_without_redis_and_kill_9_ends_its_children_too(start, data):
    clinic = start(data, GLIDEPATH_BROKER="pgmq").wait_ready()
    assert parts_ready(clinic) == ALWAYS
    wait_until(lambda: "alerts.tasks.sweep" in worker_log(clinic), 30)
    children = clinic.children()
    clinic.process.kill()
    wait_until(
        lambda: not any(runs(pid) for pid in children),
        10,
        lambda: str([children[pid] for pid in children if runs(pid)]),
    )
    with PostgresServer(data / "postgres", log=data / "log") as server:
        assert clinic_names(server.url) == ["Kept Clinic"]


FOREIGN = {
    "INSERT INTO django_migrations (app, name, applied) VALUES ('patients', '9999_later', now())": (
        "The database was made by a newer Glidepath (patients 9999_later): update this "
        "checkout, or choose another data folder with GLIDEPATH_DATA."
    ),
    "DELETE FROM django_migrations WHERE app = 'tapers' AND name <> '0001_initial'": (
        "The database is from before the first release (tapers 0001_initial): see "
        "docs/running.md, or choose another data folder with GLIDEPATH_DATA."
    ),
}


def test_a_database_that_is_no_past_state_of_this_version_is_left_alone(start, data):
    import psycopg

    for made_so, said in FOREIGN.items():
        with (
            PostgresServer(data / "postgres", log=data / "log") as server,
            psycopg.connect(server.url) as connection,
        ):
            connection.execute("DELETE FROM django_migrations WHERE name = '9999_later'")
            connection.execute(made_so)
        clinic = start(data)
        assert clinic.exit_code() == 1
        assert clinic.said().splitlines()[-1] == said
        assert clinic.children() == {}


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "http"}, "PORT is 'http': it takes a number from 1 to 65535."),
        ({"GLIDEPATH_BROKER": "kafka"}, "GLIDEPATH_BROKER is 'kafka': it takes redis or pgmq."),
        (
            {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
            "The database of DATABASE_URL does not answer (",
        ),
    ],
)
def test_a_wrong_wish_gets_one_sentence(start, server_folder, environment, sentence):
    clinic = start(server_folder / "data", **environment)
    assert clinic.exit_code() == 1
    assert clinic.said().splitlines()[-1].startswith(sentence)
    assert clinic.children() == {}


def test_a_data_folder_that_is_a_file_gets_one_sentence(start, server_folder):
    (server_folder / "data").touch()
    clinic = start(server_folder / "data")
    assert clinic.exit_code() == 1
    assert clinic.said() == (
        f"The data folder {server_folder / 'data'} cannot be used (File exists): make it a folder "
        "that you may write to, or choose another with GLIDEPATH_DATA.\n"
    )


def test_a_damaged_data_folder_gets_one_sentence_and_leaves_nothing(start, server_folder):
    damaged = server_folder / "data" / "postgres"
    damaged.mkdir(parents=True)
    (damaged / "something").touch()
    clinic = start(server_folder / "data")
    assert clinic.exit_code() == 1
    assert clinic.said().splitlines()[-1].startswith(f"{damaged} is not empty and holds no")
    assert clinic.children() == {}


@pytest.mark.parametrize("part", ["postgres as a file", "a link to nowhere", "secret_key"])
def test_the_wrong_thing_in_the_data_folder_gets_one_sentence(start, server_folder, part):
    folder = server_folder / "data"
    folder.mkdir()
    if part == "postgres as a file":
        (folder / "postgres").touch()
    elif part == "a link to nowhere":
        (folder / "postgres").symlink_to(server_folder / "gone" / "postgres")
    else:
        (folder / "secret_key").mkdir()
    clinic = start(folder)
    assert clinic.exit_code() == 1
    assert "Traceback" not in clinic.said()
    assert clinic.said().splitlines()[-1].startswith("The data folder cannot be used: ")
    assert clinic.children() == {}
