"""Wait for something real to happen, and say what did not."""

import time
from collections.abc import Callable


def wait_until(
    condition: Callable[[], object],
    timeout: float = 10,
    message: str | Callable[[], str] = "it did not happen in time",
    pause: float = 0.02,
) -> None:
    """Return when ``condition`` is true; fail the test after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            said = message() if callable(message) else message
            raise AssertionError(f"{said} (waited {timeout} s)")
        time.sleep(pause)
