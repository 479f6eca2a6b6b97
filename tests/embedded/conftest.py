"""Clusters and folders in which PostgreSQL may live even when the tests run as root."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.embedded.postgres import PostgresServer, temporary_folder


@pytest.fixture
def server_folder() -> Iterator[Path]:
    """An empty folder that the account of PostgreSQL can enter (pytest's own is for root alone)."""
    folder = temporary_folder("tests")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def made_cluster() -> Iterator[Path]:
    """A stopped cluster to copy: initdb takes a second, a copy a tenth of one."""
    folder = temporary_folder("tests")
    with PostgresServer(folder / "data", log=folder / "log", durable=False) as server:
        data = server.data
    yield data
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copy_cluster(made_cluster: Path) -> Callable[[Path], Path]:
    """Return a function that puts a cluster into a new folder, its owner kept."""

    def copy(target: Path) -> Path:
        subprocess.run(["cp", "-a", made_cluster, target], check=True)
        return target

    return copy
