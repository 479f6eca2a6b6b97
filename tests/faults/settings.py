"""Settings of the broken clinic: the tests' own, with a clock that can be stepped from outside.

No library that bends the system's clock comes as a package, so the one clock that the
product reads, `django.utils.timezone.now`, adds the number of seconds in a file. The
clocks of PostgreSQL, Redis and the mail server go on: that is what a stepped clock on one
machine of several looks like, too.
"""

import contextlib
import os
from datetime import datetime, timedelta
from pathlib import Path

from django.utils import timezone

from config.settings_test import *  # noqa: F403

CLOCK_OFFSET = Path(os.environ["FAULTS_CLOCK_OFFSET"])
# Forked workers and threads import this once each; patch only the real clock.
_true_now = getattr(timezone.now, "true_now", timezone.now)


def stepped_now() -> datetime:
    """Return the true time plus the seconds in the file, if there is one."""
    seconds = 0.0
    with contextlib.suppress(OSError, ValueError):
        seconds = float(CLOCK_OFFSET.read_text())
    return _true_now() + timedelta(seconds=seconds)


stepped_now.true_now = _true_now  # type: ignore[attr-defined]
timezone.now = stepped_now
