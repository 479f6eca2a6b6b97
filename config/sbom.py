"""`python -m config.sbom LOCKFILE`: what we are made of, as CycloneDX 1.6 on stdout."""

import json
import re
import sys
from pathlib import Path
from typing import Any

PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def components_of(lock: str) -> list[dict[str, Any]]:
    """Return one component per pinned package, with the hashes of the files that may be used."""
    found: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if pin := PIN.match(line):
            name, version = re.sub(r"[-_.]+", "-", pin[1]).lower(), pin[2]
            found.append(
                {
                    "type": "library",
                    "bom-ref": f"pkg:pypi/{name}@{version}",
                    "name": name,
                    "version": version,
                    "purl": f"pkg:pypi/{name}@{version}",
                    "hashes": [],
                }
            )
        for digest in HASH.findall(line):
            found[-1]["hashes"].append({"alg": "SHA-256", "content": digest})
    return found


def bill_of(lock: str) -> dict[str, Any]:
    """Return the whole bill; the same lock file gives the same bill."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "glidepath"}},
        "components": components_of(lock),
    }


def main() -> int:
    """Print the bill of the lock file named on the command line."""
    if len(sys.argv) != 2:
        print("Give one lock file: python -m config.sbom requirements.txt", file=sys.stderr)
        return 2
    print(json.dumps(bill_of(Path(sys.argv[1]).read_text("utf-8")), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
