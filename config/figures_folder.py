"""Where the processes of a web server count: a folder in memory that never fills it.

A file that is mapped ends its process (SIGBUS) when the memory below it is full, and files of
processes that died stay, so that no figure falls. Loads nothing of the program: gunicorn's file
needs it first.
"""

import os
import re
import shutil
from pathlib import Path
from typing import Final

NAME: Final = "PROMETHEUS_MULTIPROC_DIR"
PREFIX: Final = "glidepath-figures-"
# What one process may come to: deploy/ gives the folder room for 64 of them, and for what is below.
PROCESS_BYTES: Final = 1_200_000
# Kept free, for the next process, gunicorn's signs of life and others.
ROOM_BYTES: Final = 16_000_000


def new_folder(parent: str) -> str:
    """Return an empty folder of this server; what servers that were killed left goes.

    Read anew for a reload, the folder stays as it is.
    """
    mine = Path(parent) / f"{PREFIX}{os.getpid()}"
    if os.environ.get(NAME) == str(mine) and mine.is_dir():
        return str(mine)
    for folder in Path(parent).glob(f"{PREFIX}*"):
        if folder == mine or not is_alive(folder.name.removeprefix(PREFIX)):
            shutil.rmtree(folder, ignore_errors=True)
    mine.mkdir(mode=0o700)
    return str(mine)


def is_alive(pid: str) -> bool:
    """Answer whether a process of this number runs; so do those of other users."""
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def make_room() -> None:
    """Remove files of processes that are gone, where memory is short: their figures fall.

    Nothing is counted any more where that does not help.
    """
    folder = os.environ.get(NAME, "")
    if not folder or has_room(folder):
        return
    for file in Path(folder).glob("*.db"):
        pid = re.search(r"_(\d+)\.db$", file.name)
        if pid and not is_alive(pid[1]):
            file.unlink(missing_ok=True)
    if not has_room(folder):
        del os.environ[NAME]


def has_room(folder: str) -> bool:
    """Answer whether another process may count here."""
    try:
        return shutil.disk_usage(folder).free >= ROOM_BYTES
    except OSError:
        return False
