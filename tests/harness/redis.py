"""A real Redis for one test: started in 40 ms, killed or frozen at will."""

import shutil
import tempfile
from pathlib import Path

from config.embedded.redis import RedisServer as EmbeddedRedis
from tests.harness.breakable import Breakable


class RedisServer(Breakable, EmbeddedRedis):
    """The Redis of `make run` in a folder of its own; its address survives a restart."""

    def __init__(self) -> None:
        """Choose the folder; nothing runs yet."""
        self.folder = Path(tempfile.mkdtemp(prefix="glidepath-redis-", dir="/tmp"))
        super().__init__(self.folder / "data", log=self.folder / "redis.log")

    def close(self) -> None:
        """Stop and remove the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
