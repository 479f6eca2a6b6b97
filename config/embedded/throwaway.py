"""A fast PostgreSQL for tests and checks that vanishes with the process that started it.

`python -m config.embedded.throwaway COMMAND…` runs one command against such a cluster.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from config.embedded.errors import StartError
from config.embedded.postgres import PostgresServer, temporary_folder
from config.embedded.processes import is_alive

OURS = re.compile(r"glidepath-[a-z]+-(\d+)-\w+")


def start_throwaway_cluster(name: str) -> str:
    """Start a cluster in a temporary folder and return its address; both end with this process."""
    folder = temporary_folder(name)
    _remove_abandoned(folder)
    server = PostgresServer(folder / "data", log=folder / "log", durable=False)
    starter = os.getpid()

    def end() -> None:
        if os.getpid() == starter:  # not in a forked child
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    server.start()
    return server.url


def _remove_abandoned(mine: Path) -> None:
    """Remove folders like ``mine`` whose process was killed before it could."""
    for folder in mine.parent.glob("glidepath-*"):
        match = OURS.fullmatch(folder.name)
        if match and folder.stat().st_uid == mine.stat().st_uid and not is_alive(int(match[1])):
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run the command given on the command line with DATABASE_URL set; return its exit code."""
    try:
        url = start_throwaway_cluster("check")
    except StartError as error:
        print(error, file=sys.stderr)
        return 1
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
