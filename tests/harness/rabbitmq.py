"""A real RabbitMQ for the tests: five seconds to start, on loopback, killed or frozen at will."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from config.embedded.processes import end_all, spawn
from config.embedded.scoped import Scoped
from tests.harness.breakable import Breakable
from tests.harness.rabbitmq_packages import emulator_in, find_or_fetch, server_in
from tests.harness.waiting import wait_until

START_SECONDS = 90  # on a busy machine
LISTENER = "listeners.tcp.default = 127.0.0.1:{port}\n"
CONFIGURED = LISTENER + "log.console = true\nlog.console.level = warning\nlog.file = false\n"


def free_port() -> int:
    """Return a port of loopback that nobody has now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class RabbitServer(Breakable, Scoped):
    """One RabbitMQ node in a folder of its own; its address and its queues survive a restart."""

    def __init__(self) -> None:
        """Choose folder and ports; nothing runs yet."""
        self.root = find_or_fetch()
        self.folder = Path(tempfile.mkdtemp(prefix="glidepath-rabbit-", dir="/tmp"))
        self.log = self.folder / "rabbitmq.log"
        self.port, self.names_port, self.nodes_port = free_port(), free_port(), free_port()
        (self.folder / "rabbitmq.conf").write_text(CONFIGURED.format(port=self.port))
        (self.folder / "plugins").write_text("[].\n")
        self.process: subprocess.Popen[bytes] | None = None
        self.names: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address in kombu's form."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def start(self) -> None:
        """Start the node and return when it answers a client."""
        emulator, server = emulator_in(self.root), server_in(self.root)
        assert emulator is not None
        assert server is not None
        environment = self.environment(emulator, server)
        # Its own register of nodes: the shared one of the machine would outlive the test.
        if self.names is None:
            names = [emulator / "epmd", "-port", str(self.names_port), "-address", "127.0.0.1"]
            self.names = spawn(names, log=self.log, env=environment)
        self.process = spawn(
            [
                emulator / "erlexec", "-noinput", "-boot", "start_sasl", "-s", "rabbit", "boot",
                "-pa", server / "plugins", "+S", "1:1", "+sbwt", "none", "+sbwtdcpu", "none",
                "+sbwtdio", "none", "-kernel", "inet_dist_use_interface", "{127,0,0,1}",
                "prevent_overlapping_partitions", "false",
                "-syslog", "logger", "[]", "syslog_error_logger", "false",
            ],
            log=self.log, env=environment, cwd=self.folder,
        )  # fmt: skip
        wait_until(lambda: self.answers() or not self.alive(), START_SECONDS, self.log_end)
        assert self.alive(), self.log_end()

    def environment(self, emulator: Path, server: Path) -> dict[str, str]:
        """Return the variables by which the node finds itself, and nothing of the machine's."""
        folder = os.fspath(self.folder)
        own = {
            "NODENAME": f"glidepath-{os.getpid()}-{self.port}@localhost",
            "MNESIA_BASE": f"{folder}/mnesia",
            "LOG_BASE": f"{folder}/log",
            "CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "ADVANCED_CONFIG_FILE": f"{folder}/advanced.config",
            "CONF_ENV_FILE": f"{folder}/env.conf",
            "ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "PLUGINS_DIR": os.fspath(server / "plugins"),
            "FEATURE_FLAGS_FILE": f"{folder}/flags",
            "GENERATED_CONFIG_DIR": f"{folder}/generated",
            "HOME": os.fspath(server),
            "DIST_PORT": str(self.nodes_port),
        }
        return {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "ROOTDIR": os.fspath(self.root / "usr/lib/erlang"),
            "BINDIR": os.fspath(emulator),
            "EMU": "beam",
            "PROGNAME": "erl",
            "ERL_LIBS": os.fspath(server / "plugins"),
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            **{f"RABBITMQ_{name}": value for name, value in own.items()},
        }

    def answers(self) -> bool:
        """Return whether it greets a client: the port is open before the node is ready."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as client:
                client.settimeout(1)
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return client.recv(1) == b"\x01"
        except OSError:
            return False

    def alive(self) -> bool:
        """Return whether the node we started still runs."""
        return self.process is not None and self.process.poll() is None

    def log_end(self) -> str:
        """Return the last it wrote, for a test that fails."""
        return f"RabbitMQ says: …{self.log.read_text(errors='replace')[-3000:]}"

    def stop(self) -> None:
        """End the node as an operator does; harmless if it is not running."""
        if self.process is not None:
            end_all([self.process], grace=10)
            self.process = None

    def close(self) -> None:
        """Stop and remove the folder."""
        self.stop()
        if self.names is not None:
            end_all([self.names], grace=1)
        shutil.rmtree(self.folder, ignore_errors=True)
