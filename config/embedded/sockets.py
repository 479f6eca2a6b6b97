"""Where a server may put its unix socket: private, short, and plain enough for every client."""

import os
import re
import tempfile
from pathlib import Path

# The kernel's limit is 104 bytes on macOS and 108 on Linux, the closing zero included.
LONGEST_PATH = 100
# pgmq writes the folder unquoted into a connection string, and URLs lower-case a host name.
PLAIN = re.compile(r"[a-z0-9/._-]+")
TEMPORARY_PREFIX = "glidepath-"


def socket_folder(preferred: Path, name: str, owner: tuple[int, int] | None = None) -> Path:
    """Return ``preferred`` if a socket called ``name`` fits there, else a new private folder."""
    fits = len(os.fsencode(preferred / name)) <= LONGEST_PATH
    if fits and PLAIN.fullmatch(os.fspath(preferred)):
        return preferred
    folder = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir="/tmp"))  # mode 0700, and short
    if owner:
        os.chown(folder, *owner)
    return folder


def forget_folder(folder: Path) -> None:
    """Remove a folder made by ``socket_folder`` and what a killed server left in it."""
    if folder.parent != Path("/tmp") or not folder.name.startswith(TEMPORARY_PREFIX):
        return
    if not folder.is_dir() or folder.is_symlink():
        return
    for leftover in folder.iterdir():
        leftover.unlink(missing_ok=True)
    folder.rmdir()
