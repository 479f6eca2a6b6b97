"""Start and end child processes so that none outlives its parent.

On Linux the kernel ends a child whose parent died, even after `kill -9`. Elsewhere the next
start finds and ends what was left (see `postgres.py`). Call `spawn` from the main thread only:
the kernel watches the thread that forked, not the process.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.02
# Loaded once in the parent: nothing may be imported between fork and exec.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(signum: int) -> Callable[[], None] | None:
    """Return what a child runs before exec so that the parent's death sends it ``signum``."""
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signum)
        if os.getppid() != parent:  # the parent died before the kernel was asked
            os._exit(1)

    return ask_kernel


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
    death_signal: int = signal.SIGTERM,
    user: tuple[int, int] | None = None,
    pass_fds: Iterable[int] = (),
    talks: bool = False,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in its own session, its output appended to ``log``.

    The session keeps the terminal's Ctrl-C away from the child: the parent decides the order in
    which things end. ``user`` is the (uid, gid) to run as, for a parent that is root. A child
    that ``talks`` writes its standard output to the person at the terminal.
    """
    uid, gid = user if user else (None, None)
    with log.open("ab") as output:
        return subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=None if talks else output,
            stderr=output,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),
            user=uid,
            group=gid,
            extra_groups=[] if user else None,
            pass_fds=tuple(pass_fds),
        )


def is_alive(pid: int) -> bool:
    """Return whether a process with this number exists, ours or not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_until(condition: Callable[[], bool], timeout: float, pause: float = POLL_SECONDS) -> bool:
    """Return whether ``condition`` came true within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End at once whatever is left of the child's session; no error if nothing is."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_all(
    processes: Iterable[subprocess.Popen[bytes]], *, grace: float, signum: int = signal.SIGTERM
) -> None:
    """Ask every process to end, give all of them ``grace`` seconds together, then kill.

    Only the leaders are asked, because they know how to end their own workers; the kill goes to
    the whole session, so that nothing survives a leader that did not.
    """
    asked = list(processes)
    for process in asked:
        if process.poll() is None:
            process.send_signal(signum)
    wait_until(lambda: all(process.poll() is not None for process in asked), grace)
    for process in asked:
        kill_group(process)
        process.wait()
