"""A worker's own sign of life: a file that its main loop touches, for the probe of its container.

Not a row: a row tells that some worker ran what beat published, which a dead beat or another
worker would make wrong for this one (docs/adr/0074-each-queue-shows-life.md).
"""

import tempfile
from pathlib import Path
from typing import Any, Final

from celery import bootsteps

SIGN: Final = Path(tempfile.gettempdir()) / "glidepath-worker"
EVERY_SECONDS: Final = 10.0


class WorkerSign(bootsteps.StartStopStep):  # type: ignore[misc]
    """Touch the sign for as long as the loop that takes tasks turns."""

    requires: Final = {"celery.worker.components:Timer"}

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.turn: Any = None

    def start(self, parent: Any) -> None:
        """Begin with the worker."""
        SIGN.touch()
        self.turn = parent.timer.call_repeatedly(EVERY_SECONDS, SIGN.touch)

    def stop(self, parent: Any) -> None:
        """End with it."""
        if self.turn is not None:
            self.turn.cancel()
        SIGN.unlink(missing_ok=True)
