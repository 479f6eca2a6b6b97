"""The one folder that `make run` writes to: what lies where, who may read it, who is using it."""

import contextlib
import fcntl
import os
import pwd
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

from config.embedded.errors import StartError
from config.embedded.postgres_files import may_enter, server_account, shared_state

OLD_LOG_BYTES = 5_000_000


class DataFolder:
    """The data folder; `open` makes and locks it, `close` unlocks it."""

    def __init__(self, path: Path) -> None:
        """Name the folder; nothing is written yet."""
        self.path = path.absolute()
        self.mail = self.path / "mail"
        self.static = self.path / "static"
        self.redis = self.path / "redis"
        self.logs = self.path / "logs"
        self.beat = self.path / "beat"
        self.env_file = self.path / "env"
        self._lock_file = self.path / "lock"
        self._lock: int | None = None

    def __str__(self) -> str:
        """Return the path as the person typed it, short where possible."""
        with contextlib.suppress(ValueError):
            return os.fspath(self.path.relative_to(Path.cwd()))
        return os.fspath(self.path)

    def open(self, address: str) -> None:
        """Make the folder, private to us, and take its lock; say what is wrong if that fails."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock(address)
            self._set_modes()
        except OSError as error:
            raise StartError(
                f"The data folder {self} cannot be used ({error.strerror}): make it a folder that "
                "you may write to, or choose another with GLIDEPATH_DATA."
            ) from error

    def close(self) -> None:
        """Release the lock and remove what describes the running clinic."""
        if self._lock is None:
            return
        self.env_file.unlink(missing_ok=True)
        self._lock_file.unlink(missing_ok=True)
        os.close(self._lock)
        self._lock = None

    def log(self, name: str) -> Path:
        """Return the log file of one part; a long one from earlier starts is set aside."""
        path = self.logs / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > OLD_LOG_BYTES:
                path.replace(path.with_suffix(".log.old"))
        return path

    def secret_key(self) -> str:
        """Return the key that signs sessions and links; made once, readable by us alone."""
        path = self.path / "secret_key"
        with contextlib.suppress(FileNotFoundError):
            if key := path.read_text().strip():
                return key
        key = secrets.token_urlsafe(48)
        self._write_private(path, key + "\n")
        return key

    def write_env(self, variables: Mapping[str, str]) -> None:
        """Write the shell file with which `make manage` reaches the running clinic."""
        lines = (f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        self._write_private(self.env_file, "".join(lines))

    def postgres(self) -> Path:
        """Return where the cluster lies: in the folder, unless PostgreSQL's account cannot enter.

        That is so for root below /root. The link then tells where the data really is.
        """
        inside = self.path / "postgres"
        if inside.is_symlink():
            return Path(os.readlink(inside))
        account = server_account(inside)
        if account is None or inside.exists() or may_enter(self.path, account):
            return inside
        outside = shared_state() / f"data-{secrets.token_hex(6)}"
        outside.mkdir()
        outside.chmod(0o711)
        inside.symlink_to(outside / "postgres")
        return outside / "postgres"

    def _take_lock(self, address: str) -> None:
        """Hold the lock for the life of this process; the kernel frees it whatever happens."""
        lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Between opening and locking, an ending clinic may have removed the file.
            same = os.fstat(lock).st_ino == self._lock_file.stat().st_ino
        except (BlockingIOError, FileNotFoundError):
            same = False
        if not same:
            running = os.pread(lock, 200, 0).decode(errors="replace").strip()
            os.close(lock)
            raise StartError(
                f"Glidepath is already running on {self} ({running or 'starting or ending'}): use "
                "that one, stop it with Ctrl-C, or choose another folder with GLIDEPATH_DATA."
            )
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{address}, process {os.getpid()}".encode(), 0)
        self._lock = lock

    def _set_modes(self) -> None:
        """Keep everybody out; root alone lets `nobody` pass through to its PostgreSQL."""
        if os.geteuid() == 0 and self.path.stat().st_uid == 0:
            os.chown(self.path, 0, pwd.getpwnam("nobody").pw_gid)
            self.path.chmod(0o710)
        else:
            self.path.chmod(0o700)
        for folder in (self.mail, self.static, self.redis, self.logs, self.beat):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(0o700)

    @staticmethod
    def _write_private(path: Path, text: str) -> None:
        unfinished = path.with_name(f"{path.name}.new")
        unfinished.unlink(missing_ok=True)
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        unfinished.replace(path)
