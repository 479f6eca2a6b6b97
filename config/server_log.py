"""gunicorn's own lines, laid out as ours and without what callers sent."""

import os
from typing import Any

from gunicorn.glogging import Logger

from config.logs import formatter


class ServerLogger(Logger):  # type: ignore[misc]
    """What gunicorn logs with: `--logger-class config.server_log.ServerLogger`."""

    def setup(self, cfg: Any) -> None:
        """Take the layout of LOG_FORMAT; gunicorn starts before our settings are read."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter(os.environ.get("LOG_FORMAT", "line")))
