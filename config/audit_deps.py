"""`python -m config.audit_deps LOCKFILE …`: ask PyPI what is known against each pinned package.

Exit 0: all were asked and nothing is known. Exit 1: a weakness is known, named with what mends it.
Exit 2: not all could be asked, so nothing is proved. With `--unless-offline` a machine that cannot
reach PyPI at all passes after a line that says NOT AUDITED; half an answer still fails.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.sbom import components_of

INDEX: Final = os.environ.get("PYPI_URL", "https://pypi.org").rstrip("/")
SECONDS: Final = 10
AT_ONCE: Final = 4
CLEAN, WEAK, NOT_PROVED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Answer:
    """What PyPI says of one package; `asked` is false where it said nothing."""

    package: str
    version: str
    asked: bool
    known: tuple[str, ...] = ()


def ask(package: str, version: str) -> Answer:
    """Return what is known against one package; what was withdrawn as wrong is left out."""
    address = f"{INDEX}/pypi/{package}/{version}/json"
    try:
        with urllib.request.urlopen(address, timeout=SECONDS) as response:  # noqa: S310 - our own
            found = json.load(response)["vulnerabilities"]
    except (OSError, ValueError, KeyError):
        return Answer(package, version, asked=False)
    live = [each for each in found if not each.get("withdrawn")]
    return Answer(package, version, asked=True, known=tuple(map(in_words, live)))


def in_words(weakness: dict[str, object]) -> str:
    """Return a weakness's name and what mends it."""
    mended = weakness.get("fixed_in") or []
    listed = ", ".join(map(str, mended)) if isinstance(mended, list) else str(mended)
    return f"{weakness.get('id')} (mended in {listed or 'no version yet'})"


def answers_of(lockfiles: list[Path]) -> list[Answer]:
    """Ask about every package of these lock files, each once."""
    pins = {
        (part["name"], part["version"])
        for file in lockfiles
        for part in components_of(file.read_text("utf-8"))
    }
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda pin: ask(*pin), sorted(pins)))


def verdict(answers: list[Answer], *, unless_offline: bool) -> int:
    """Print what was found; return the exit code."""
    asked = [each for each in answers if each.asked]
    for each in asked:
        for weakness in each.known:
            print(f"{each.package} {each.version}: {weakness}")
    if any(each.known for each in asked):
        return WEAK
    if len(asked) == len(answers) > 0:
        print(f"{len(asked)} packages asked at {INDEX}: nothing is known against them.")
        return CLEAN
    print(f"NOT AUDITED: {INDEX} answered for {len(asked)} of {len(answers)} packages.")
    return CLEAN if unless_offline and not asked and answers else NOT_PROVED


def main() -> int:
    """Ask about the lock files named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m config.audit_deps")
    parser.add_argument("lockfiles", type=Path, nargs="+")
    parser.add_argument("--unless-offline", action="store_true")
    options = parser.parse_args()
    return verdict(answers_of(options.lockfiles), unless_offline=options.unless_offline)


if __name__ == "__main__":
    sys.exit(main())
