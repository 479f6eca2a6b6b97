"""The PostgreSQL of `make run`: private, durable, gone with its parent, back after any crash."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from config.embedded import postgres_files
from config.embedded.errors import StartError
from config.embedded.postgres import PostgresServer
from config.embedded.postgres_files import find_binaries, readable_binaries, server_account
from config.embedded.processes import is_alive, wait_until
from tests.harness.processes import PROJECT

pytestmark = pytest.mark.slow


@pytest.fixture
def new_server(server_folder):
    running = PostgresServer(server_folder / "data", log=server_folder / "log", durable=False)
    yield running
    running.stop()


@pytest.fixture
def server(new_server, copy_cluster):
    copy_cluster(new_server.data)
    return new_server


def run(server: PostgresServer, *statements: str) -> list[tuple]:
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_it_is_private_to_its_owner_and_off_the_network(server):
    server.start()
    assert run(server, "SHOW listen_addresses") == [("",)]
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    (socket,) = server._sockets.glob(".s.PGSQL.5432")
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


def test_text_sorts_the_same_whatever_the_language_of_the_machine(new_server, monkeypatch):
    monkeypatch.setenv("LANG", "xx_XX.nonsense")
    new_server.start()
    rows = "SELECT string_agg(word, '' ORDER BY word) FROM (VALUES ('b'), ('A'), ('a')) AS t(word)"
    assert run(new_server, rows) == [("Aab",)]


def test_stop_leaves_no_process_socket_or_pid_file(server):
    server.start()
    pid, sockets = server.process.pid, server._sockets
    server.stop()
    assert not is_alive(pid)
    assert not list(sockets.glob(".s.PGSQL*"))
    assert not (server.data / "postmaster.pid").exists()


def test_committed_rows_survive_kill_9(server):
    server.durable = True
    server.start()
    run(server, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1)")
    with psycopg.connect(server.url):  # a session is open at that moment
        server.process.kill()
        server.process.wait()
        server.start()
    assert run(server, "SELECT n FROM kept") == [(1,)]


def test_a_restart_after_a_crash_keeps_the_address(server):
    server.start()
    before = server.url
    server.process.kill()
    server.process.wait()
    server.start()
    assert server.url == before


def test_a_pid_file_with_the_number_of_a_stranger_does_not_stop_it(server):
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    server.start()
    assert run(server, "SELECT 1") == [(1,)]


def test_a_pid_file_with_the_number_of_a_zombie_does_not_stop_it(server):
    server.start()
    server.stop()
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: "Z" in Path(f"/proc/{zombie.pid}/stat").read_text().split()[2], 5)
    (server.data / "postmaster.pid").write_text(f"{zombie.pid}\n{server.data}\n")
    server.start()
    zombie.wait()
    assert run(server, "SELECT 1") == [(1,)]


def test_an_orphan_of_an_earlier_start_is_ended_first(server):
    server.start()
    second = PostgresServer(server.data, log=server.log, durable=False)
    try:
        second.start()
        assert server.process.wait(timeout=5) == 0
        assert run(second, "SELECT 1") == [(1,)]
    finally:
        second.stop()


def test_it_dies_with_a_parent_that_was_killed(server_folder, copy_cluster):
    copy_cluster(server_folder / "data")
    script = (
        "import sys, time; from pathlib import Path\n"
        "from config.embedded.postgres import PostgresServer\n"
        "server = PostgresServer(Path(sys.argv[1]), log=Path(sys.argv[2]), durable=False)\n"
        "server.start(); print(server.process.pid, flush=True); time.sleep(60)"
    )
    arguments = [sys.executable, "-c", script, server_folder / "data", server_folder / "log"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=PROJECT, text=True) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert wait_until(lambda: not _runs(pid), 10)


def _runs(pid: int) -> bool:
    """Return whether the process runs; a zombie that nobody reaps does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_refused_row_leaves_no_word_of_it_in_the_log(server):
    server.start()
    with pytest.raises(psycopg.errors.CheckViolation):
        run(
            server,
            "CREATE TABLE notes (text varchar CHECK (length(text) < 5))",
            "INSERT INTO notes VALUES ('seizure this morning')",
        )
    server.stop()
    log = server.log.read_text()
    assert "violates check constraint" in log
    assert "seizure" not in log


@pytest.mark.parametrize("name", ["Upper Case and spaces", "x" * 90])
def test_a_path_unfit_for_a_socket_gets_a_private_folder_that_goes_away(
    server_folder, copy_cluster, name
):
    copy_cluster(server_folder / name)
    server = PostgresServer(server_folder / name, log=server_folder / "log", durable=False)
    server.start()
    sockets = server._sockets
    assert sockets.parent == Path("/tmp")
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    assert run(server, "SELECT 1") == [(1,)]
    server.stop()
    assert not sockets.exists()


def test_a_first_start_that_was_cut_off_is_begun_again(new_server, server_folder):
    half = server_folder / "data.unfinished"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    new_server.start()
    assert not half.exists()


def test_a_folder_with_other_things_in_it_is_left_alone(new_server):
    new_server.data.mkdir()
    (new_server.data / "holiday.jpg").touch()
    with pytest.raises(StartError, match=r"not empty and holds no PostgreSQL cluster: move it"):
        new_server.start()
    assert (new_server.data / "holiday.jpg").exists()


def test_a_cluster_of_another_version_is_left_alone(new_server):
    new_server.data.mkdir()
    (new_server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(StartError, match=r"made by PostgreSQL 9 and this is PostgreSQL \d+"):
        new_server.start()


def test_a_damaged_cluster_is_named_with_its_log(server):
    server.start()
    server.stop()
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(StartError, match=r"does not start on .*: read the end of .*log"):
        server.start()
    assert server.process is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to run it as")
def test_root_gets_a_copy_of_binaries_that_nobody_cannot_reach(server_folder, monkeypatch):
    shared = server_folder / "shared"
    server_folder.chmod(0o755)
    monkeypatch.setattr(postgres_files, "SHARED_STATE", shared)
    monkeypatch.setattr(postgres_files, "may_enter", lambda folder, account: False)
    account = server_account(server_folder / "data")
    copy = readable_binaries(find_binaries(), account)
    assert copy.is_relative_to(shared)
    version = subprocess.run(
        [copy / "postgres", "--version"], user=account[0], group=account[1], extra_groups=[],
        capture_output=True, check=True,
    )  # fmt: skip
    assert b"PostgreSQL" in version.stdout
    assert readable_binaries(find_binaries(), account) == copy
