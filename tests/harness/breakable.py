"""A process of ours that a test kills or makes hang."""

import os
import signal
import subprocess

from config.embedded.processes import kill_group


class Breakable:
    """What can be done to a process that was started in a group of its own."""

    process: subprocess.Popen[bytes] | None

    def kill(self) -> None:
        """End it and its own children as `kill -9` does, in the middle of anything."""
        assert self.process is not None
        kill_group(self.process)
        self.process.wait()

    def freeze(self) -> None:
        """Make it hang as a machine that pauses does: connections are taken, nothing answers."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGCONT)
