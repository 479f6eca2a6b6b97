"""What every test that drives a browser against the real parts is marked with."""

from typing import Final

import pytest

BROWSER_FLOW: Final = [
    # The parts are processes of their own: they see what is committed and nothing else.
    pytest.mark.django_db(transaction=True),
    pytest.mark.flow,
    pytest.mark.browser,
    pytest.mark.slow,
    # One Chromium, in one of the parallel processes.
    pytest.mark.xdist_group("browser"),
]
