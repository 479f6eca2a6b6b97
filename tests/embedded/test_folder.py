"""The data folder of `make run`, and the choice of a broker."""

import os
import stat
import subprocess

import pytest

from config.embedded import broker as brokers
from config.embedded import folder as folders
from config.embedded.broker import choose_broker
from config.embedded.environment import child_environment
from config.embedded.errors import StartError
from config.embedded.folder import OLD_LOG_BYTES, DataFolder
from config.embedded.given import check_broker, pgmq_url


@pytest.fixture
def folder(tmp_path):
    opened = DataFolder(tmp_path / "data")
    opened.open("http://localhost:8000")
    yield opened
    opened.close()


def test_the_folder_is_closed_to_everybody_else(folder):
    assert stat.S_IMODE(folder.path.stat().st_mode) & 0o067 == 0
    for inner in (folder.mail, folder.logs, folder.redis, folder.static, folder.beat):
        assert stat.S_IMODE(inner.stat().st_mode) == 0o700


def test_the_secret_key_is_made_once(folder):
    first = folder.secret_key()
    assert len(first) >= 50
    assert folder.secret_key() == first
    assert stat.S_IMODE((folder.path / "secret_key").stat().st_mode) == 0o600


def test_a_lock_left_by_a_killed_clinic_stops_nobody(folder):
    os.close(folder._lock)  # what the kernel does for a process that dies
    again = DataFolder(folder.path)
    again.open("http://localhost:8001")
    again.close()
    folder._lock = None
    assert not (folder.path / "lock").exists()


def test_a_long_log_is_set_aside_at_the_next_start(folder):
    log = folder.log("web")
    log.write_bytes(b"x" * (OLD_LOG_BYTES + 1))
    assert not folder.log("web").exists()
    assert log.with_suffix(".log.old").exists()


def test_values_with_quotes_reach_the_shell_unchanged(folder):
    folder.write_env({"ODD": 'it\'s $HOME; "x"'})
    shell = f'. {folder.env_file} && printf %s "$ODD"'
    said = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, text=True, check=True)
    assert said.stdout == 'it\'s $HOME; "x"'


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_below_a_closed_folder_the_cluster_lies_elsewhere_and_a_link_tells_where(
    folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(folders, "may_enter", lambda path, account: False)
    monkeypatch.setattr(folders, "shared_state", lambda: tmp_path)
    cluster = folder.postgres()
    assert cluster.parent.parent == tmp_path
    assert os.readlink(folder.path / "postgres") == os.fspath(cluster)
    assert folder.postgres() == cluster


@pytest.mark.parametrize(
    ("environment", "has_redis", "chosen"),
    [
        ({"CELERY_BROKER_URL": "redis://elsewhere"}, True, brokers.GIVEN),
        ({}, True, brokers.REDIS),
        ({}, False, brokers.PGMQ),
        ({"GLIDEPATH_BROKER": "pgmq"}, True, brokers.PGMQ),
    ],
)
def test_the_broker_is_the_given_one_then_redis_then_postgresql(
    monkeypatch, environment, has_redis, chosen
):
    monkeypatch.setattr(brokers, "find_redis", lambda: has_redis or None)
    assert choose_broker(environment) == chosen


def test_a_given_broker_that_is_down_gets_one_sentence():
    with pytest.raises(StartError, match="The broker of CELERY_BROKER_URL does not answer"):
        check_broker("redis://127.0.0.1:1/0")


def test_queues_live_in_the_given_database_only_where_its_address_is_plain():
    assert pgmq_url("postgres://a:b@db:5432/clinic") == "pgmq://a:b@db:5432/clinic"
    with pytest.raises(StartError, match="set CELERY_BROKER_URL as well"):
        pgmq_url("postgres://a@/clinic?host=/run/postgresql")


def test_a_persons_own_variables_do_not_change_the_clinic():
    outer = {"PGHOST": "x", "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "x", "PATH": "/bin"}
    child = child_environment({"DEBUG": "0"}, outer)
    assert child == {"DEBUG": "0", "PATH": "/bin", "PYTHONUNBUFFERED": "1"}
