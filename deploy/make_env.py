"""Write deploy/.env with fresh secrets: `make up` calls this before `docker compose up`.

A file that is there keeps what it says, and gets what a newer release asks for.
"""

import os
import secrets
import sys
from pathlib import Path

FILE = Path(__file__).resolve().parent / ".env"
MADE = (
    "SECRET_KEY", "POSTGRES_PASSWORD", "RUN_PASSWORD", "VALKEY_PASSWORD", "BACKUP_PASSPHRASE",
    "METRICS_TOKEN",
)  # fmt: skip
SINCE = {"RUN_PASSWORD"}  # asked for since the first files were written
TO_TRY = {
    "SITE_URL": "http://localhost:8000",
    "BEHIND_TLS_PROXY": "0",
    "EMAIL_URL": "smtp://host.docker.internal:1025",
    "DEFAULT_FROM_EMAIL": "alerts@localhost",
}


def main(file: Path = FILE) -> int:
    """Write what is missing; only the owner of the file may read it."""
    if file.exists():
        there = file.read_text()
        known = {line.partition("=")[0] for line in there.splitlines()}
        new = "".join(f"\n{name}={secrets.token_urlsafe(48)}\n" for name in SINCE - known)
        file.write_text(there + new)  # as it was, where nothing is new
        return 0
    given = {name: os.environ.get(name, value) for name, value in TO_TRY.items()}
    made = {name: secrets.token_urlsafe(48) for name in MADE}
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.writelines(f"{name}={value}\n" for name, value in (made | given).items())
    print(
        f"Wrote {file} with new secrets: keep a copy where the backups are not.\n"
        "NO ALERT LEAVES until EMAIL_URL and DEFAULT_FROM_EMAIL in it are yours; for TLS set\n"
        "SITE_URL=https://your-name and BEHIND_TLS_PROXY=1 and run make up PROFILE=tls."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
