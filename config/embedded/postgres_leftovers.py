"""Clear what a killed PostgreSQL left in its data folder: an orphan, a zombie, a stale pid file.

The caller holds the lock of the data folder, so a server found here belongs to nobody any more.
PostgreSQL itself removes a pid file whose process is gone; the cases it cannot judge are a zombie
(a container whose first process does not reap) and a number that another program has by now.
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from config.embedded.errors import StartError
from config.embedded.processes import wait_until
from config.embedded.sockets import forget_folder

PROC = Path("/proc")
ORPHAN_SECONDS = 10.0
EXIT_SECONDS = 10.0


def clear_leftovers(data: Path, *, keep: Path) -> None:
    """Make ``data`` startable, or say why it is not; the socket folder ``keep`` stays."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (OSError, ValueError, IndexError):
        return
    if len(lines) > 4 and lines[4] and Path(lines[4]) != keep:
        forget_folder(Path(lines[4]))
    if _is_running_server(pid, data):
        _end_orphan(pid, data)
    # Sessions outlive a killed server for a moment; a second one beside them would ruin the data.
    if not wait_until(lambda: not _processes_in(data), EXIT_SECONDS):
        raise StartError(
            f"Processes of an earlier PostgreSQL still use {data}: "
            f"end {', '.join(map(str, _processes_in(data)))} and start again."
        )
    if PROC.is_dir():
        (data / "postmaster.pid").unlink(missing_ok=True)


def _is_running_server(pid: int, data: Path) -> bool:
    if PROC.is_dir():
        return pid in _processes_in(data)
    try:
        answer = subprocess.run(
            ["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
        )
    except OSError:
        return False
    return "postgres" in answer.stdout and os.fspath(data) in answer.stdout


def _processes_in(data: Path) -> list[int]:
    """Return the processes whose working folder is ``data``, as every PostgreSQL process's is.

    A zombie has none, and neither has a stranger that got the number of a dead server.
    """
    found = []
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").samefile(data):
                found.append(int(entry.name))
    return found


def _end_orphan(pid: int, data: Path) -> None:
    for signum in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signum)
        if wait_until(lambda: not _is_running_server(pid, data), ORPHAN_SECONDS):
            return
    raise StartError(f"An earlier PostgreSQL (process {pid}) does not end: kill it, start again.")
