"""Demo mode inside the test process."""

from pathlib import Path
from typing import Any

import pytest

# Read while demo mode is off: config/urls.py looks at it once, when it is imported.
from tests.demo import urls


@pytest.fixture
def demo_mode(settings: Any, tmp_path: Path) -> Path:
    """Turn demo mode on and return the folder of the mail catcher."""
    settings.DEMO_MODE = True
    settings.ROOT_URLCONF = urls.__name__
    settings.LOGIN_URL = "demo:entry"
    settings.DEMO_MAIL_DIR = str(tmp_path)
    return tmp_path
