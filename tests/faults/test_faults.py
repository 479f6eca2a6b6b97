"""The short form of the fault suite; `make faults ARGS="--trials 200"` runs the long one."""

import os
import subprocess
import sys

import pytest

from tests.faults.rig import PROJECT
from tests.faults.trials import FAULTS
from tests.harness.template import is_shared, template, template_url

SHORT = ["--short", "--seed", "4606", "--rungs", "1"]


@pytest.mark.slow
@pytest.mark.flow
def test_no_alert_is_lost_whatever_breaks() -> None:
    copied = []
    if is_shared():
        template()
        copied = ["--tables-of", template_url()]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *SHORT, *copied],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert f"check-ins saved {2 * len(FAULTS)}, not saved 0" in done.stdout
    assert "lost 0, without exactly one alert 0" in done.stdout
    assert "messages repeated more than once per crash 0" in done.stdout
    assert "rungs mailed 1, " in done.stdout
