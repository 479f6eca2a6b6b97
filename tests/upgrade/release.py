"""The code of an earlier release, unpacked to be run beside today's.

`previous.tar.xz` is the release before this one. It lies in the checkout because continuous
integration may have neither tags nor history. `python -m tests.upgrade --keep COMMIT` makes it anew
when a release is cut: ADR 53.
"""

import io
import lzma
import re
import subprocess
import sys
import tarfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
KEPT = Path(__file__).resolve().parent / "previous.tar.xz"
# What the processes of a release need, and what its tests make patients with.
PARTS = (
    *("manage.py", "config", "apps", "templates", "static", "locale"),
    *("tests/__init__.py", "tests/factories.py", "tests/harness", "tests/faults"),
)
RELEASED = r"^## {number} \(\d{{4}}-\d\d-\d\d, commit (?P<commit>[0-9a-f]+)\)$"


def commit_of(reference: str) -> str:
    """Return the commit that the change log gives a release's number; else what was asked for.

    A clone may lack tags. It never lacks the change log.
    """
    log = (PROJECT / "CHANGELOG.md").read_text()
    pattern = RELEASED.format(number=re.escape(reference.removeprefix("v")))
    found = re.search(pattern, log, re.MULTILINE)
    return found["commit"] if found else reference


def archive(reference: str) -> bytes:
    """Return the code of a tag or commit of this repository as a tar file."""
    done = subprocess.run(
        ["git", "archive", "--format=tar", reference, *PARTS],
        cwd=PROJECT, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise SystemExit(
            f"{reference} is not in this clone ({done.stderr.decode().strip()}). The release that "
            "lies in tests/upgrade needs no --from; git fetch --tags brings others."
        )
    return done.stdout


def keep(reference: str) -> int:
    """Make a release the previous one; return the size of its file."""
    KEPT.write_bytes(lzma.compress(archive(reference), preset=9 | lzma.PRESET_EXTREME))
    return KEPT.stat().st_size


def unpack(folder: Path, reference: str | None = None) -> str:
    """Unpack a release into a folder and return its commit's id.

    The kept release unless another is named: by its number in the change log, a tag or a commit.
    Git is asked only for another one.
    """
    data = lzma.decompress(KEPT.read_bytes())
    if reference and not commit_in(data).startswith(commit := commit_of(reference)):
        data = archive(commit)
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        files.extractall(folder, filter="data")
    return commit_in(data)[:12]


def commit_in(data: bytes) -> str:
    """Return the id that git wrote into a tar file that it made."""
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        return files.pax_headers.get("comment", "")


def run(folder: Path, environment: dict[str, str], *command: str) -> str:
    """Run a command of that release's Python to its end; return what it wrote."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)[:80]}: …{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
