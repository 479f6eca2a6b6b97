"""Give the symptom half its data: rule tables, forms and texts.

Each file is read once, from inside the package, and is never written.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from apps.clinical.data import Row, read_rows


@cache
def rows_by(name: str, key: str) -> Mapping[str, Row]:
    """Return the rows of a CSV file keyed by the unique column ``key``, in order."""
    return MappingProxyType({row[key]: row for row in read_rows(name)})


@cache
def document(name: str) -> Any:
    """Return a JSON file as Python values; callers turn it into typed data."""
    return json.loads((files("apps.clinical.data") / name).read_text(encoding="utf-8"))
