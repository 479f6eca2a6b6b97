"""Read the symptom data files: triage rules, risk factors, forms and texts.

The only place of the symptom half of this package that touches a file. Each
file is read once, from inside the package, and is never written.
"""

import csv
import json
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

DATA = files("apps.clinical") / "data"


@cache
def rows(name: str) -> tuple[MappingProxyType[str, str], ...]:
    """Return the rows of a CSV file as read-only mappings, in file order."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return tuple(MappingProxyType(row) for row in csv.DictReader(lines))


@cache
def document(name: str) -> Any:
    """Return a JSON file as Python values; callers turn it into typed data."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def rows_by(name: str, key: str) -> dict[str, MappingProxyType[str, str]]:
    """Return the rows of a CSV file keyed by the unique column ``key``."""
    return {row[key]: row for row in rows(name)}
