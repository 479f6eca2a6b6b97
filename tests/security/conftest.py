"""What was written to any log."""

import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from config.logs import PrivateFormatter


@pytest.fixture
def logs() -> Iterator[StringIO]:
    """Everything that any logger writes, laid out as production does."""
    text = StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(PrivateFormatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)
