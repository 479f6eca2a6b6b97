"""Log lines that cannot hold a patient's words.

An exception's message may quote a whole table row ("Failing row contains (...)") or a
form value, so the type and the lines of code are logged and the message is not.
"""

import logging
import traceback
from types import TracebackType

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PrivateFormatter(logging.Formatter):
    """Format tracebacks without the exception's message and without source lines."""

    def formatException(self, ei: ExcInfo) -> str:
        """Return file, line and function of each frame, then the exception's type."""
        kind, _, trace = ei
        frames = traceback.extract_tb(trace)
        lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        return "\n".join([*lines, kind.__name__ if kind else "unknown"])
