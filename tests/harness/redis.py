"""A real Redis for one test: started in 40 ms, killed or frozen at will."""

import shutil
import signal
import tempfile
from pathlib import Path

from config.embedded.redis import RedisServer as EmbeddedRedis


class RedisServer(EmbeddedRedis):
    """The Redis of `make run` in a folder of its own; its address survives a restart."""

    def __init__(self) -> None:
        """Choose the folder; nothing runs yet."""
        self.folder = Path(tempfile.mkdtemp(prefix="glidepath-redis-", dir="/tmp"))
        super().__init__(self.folder / "data", log=self.folder / "redis.log")

    def close(self) -> None:
        """Stop and remove the folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Make it hang: connections are taken and nothing is answered."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
