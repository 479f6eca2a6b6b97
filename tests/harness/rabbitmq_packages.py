"""Find RabbitMQ for the tests; `python -m tests.harness.rabbitmq_packages` fetches it if needed.

Debian's own packages are fetched and unpacked into .artifacts/rabbitmq, by any user: nothing is
installed and no service is started. Where that is impossible, a broker that cannot be tested is an
error with a sentence. Only whoever says so with GLIDEPATH_RABBITMQ=none does without, and is told
in the summary that those tests were NOT RUN.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parent.parent.parent
CACHE: Final = PROJECT / ".artifacts" / "rabbitmq"
CHOICE: Final = "GLIDEPATH_RABBITMQ"
ADVICE: Final = (
    "The tests of RabbitMQ need its server and it could not be fetched: install it (Debian: apt "
    "install rabbitmq-server), or name the folder below which it is with GLIDEPATH_RABBITMQ=/path; "
    "GLIDEPATH_RABBITMQ=none leaves these tests out and says so."
)
SCRIPT_ROOT: Final = "ROOTDIR=/usr/lib/erlang"


def left_out() -> bool:
    """Return whether somebody chose to do without these tests."""
    return os.environ.get(CHOICE) == "none"


def find_root() -> Path | None:
    """Return the folder below which server and Erlang lie: named, fetched or the system's."""
    named = os.environ.get(CHOICE)
    places = [Path(named)] if named else [CACHE / "root", Path("/")]
    return next((root for root in places if server_in(root) and emulator_in(root)), None)


def server_in(root: Path) -> Path | None:
    """Return RabbitMQ's own folder."""
    return next(iter(root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*")), None)


def emulator_in(root: Path) -> Path | None:
    """Return the folder of Erlang's programs."""
    return next((found.parent for found in root.glob("usr/lib/erlang/erts-*/bin/erlexec")), None)


def find_or_fetch() -> Path:
    """Return where it is, fetching it once for every process of a test run."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if find_root() is None and CHOICE not in os.environ:
            fetch()
    root = find_root()
    assert root is not None, ADVICE
    return root


def fetch() -> None:
    """Fetch the packages that the system lacks, and unpack them; says why where it cannot."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        print("There is no apt-get and dpkg-deb here.", file=sys.stderr)
        return
    lists, archives, root = CACHE / "lists", CACHE / "cache" / "archives", CACHE / "unpacked"
    for folder in (lists, archives):
        (folder / "partial").mkdir(parents=True, exist_ok=True)
    # Lists and archives of our own, so that it neither needs root nor changes the system.
    apt = [
        "apt-get", "-qq", "-o", "Debug::NoLocking=1", "-o", f"Dir::State::lists={lists}",
        "-o", f"Dir::Cache={CACHE / 'cache'}", "-o", "APT::Sandbox::User=",
    ]  # fmt: skip
    packages = ["install", "--yes", "--download-only", "--no-install-recommends", "rabbitmq-server"]
    if not (run([*apt, "update"]) and run([*apt, *packages])):
        return
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    if all(run(["dpkg-deb", "-x", str(file), str(root)]) for file in archives.glob("*.deb")):
        make_movable(root)
        root.rename(CACHE / "root")
        shutil.rmtree(CACHE / "cache")
        shutil.rmtree(lists)


def run(command: list[str]) -> bool:
    """Run a command; say what it said if it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        print(f"{command[0]}: {said[-1]}", file=sys.stderr)
    return done.returncode == 0


def make_movable(root: Path) -> None:
    """Let Erlang's start script look where it lies: the server calls it by its path."""
    script = root / "usr/lib/erlang/bin/erl"
    text = script.read_text()
    assert SCRIPT_ROOT in text
    script.write_text(text.replace(SCRIPT_ROOT, "ROOTDIR=${ROOTDIR:?set by the tests}"))


def main() -> int:
    """Return 0 if there is a server, fetching it first if there is none."""
    if left_out():
        print(f"NOT RUN: the tests of RabbitMQ ({CHOICE}=none).", file=sys.stderr)
        return 0
    if find_root() is None:
        print("Fetching RabbitMQ for the tests, once …", flush=True)
    try:
        find_or_fetch()
    except AssertionError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
