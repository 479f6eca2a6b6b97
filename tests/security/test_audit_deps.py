"""The audit of packages finds a weak one, and never takes silence for an answer."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.harness.processes import PROJECT

WEAK = {"id": "PYSEC-2026-1", "fixed_in": ["2.1"], "withdrawn": None}
PAGES = {
    "/pypi/good/1.0/json": [],
    "/pypi/weak/2.0/json": [WEAK],
    "/pypi/accused/3.0/json": [WEAK | {"withdrawn": "2026-01-01T00:00:00Z"}],
}


class Index(BaseHTTPRequestHandler):
    """Answers for the packages above as PyPI does; 503 for any other."""

    def do_GET(self) -> None:
        known = PAGES.get(self.path)
        self.send_response(503 if known is None else 200)
        self.end_headers()
        if known is not None:
            self.wfile.write(json.dumps({"vulnerabilities": known}).encode())

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def audit(index: str, folder: Path, *pins: str, flags: tuple[str, ...] = ()) -> tuple[int, str]:
    file = folder / "lock.txt"
    file.write_text("".join(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n" for pin in pins))
    done = subprocess.run(
        [sys.executable, "-m", "config.audit_deps", *flags, os.fspath(file)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
        env={**os.environ, "PYPI_URL": index},
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("pins", "flags", "code", "said"),
    [
        (["good==1.0", "accused==3.0"], (), 0, "2 packages asked"),
        (["good==1.0", "weak==2.0"], ("--unless-offline",), 1, "weak 2.0: PYSEC-2026-1"),
        (["good==1.0", "other==1.0"], ("--unless-offline",), 2, "answered for 1 of 2"),
        ([], ("--unless-offline",), 2, "NOT AUDITED"),
    ],
)
def test_each_answer_has_its_exit_code(index, tmp_path, pins, flags, code, said) -> None:
    ended, text = audit(index, tmp_path, *pins, flags=flags)
    assert (ended, said in text) == (code, True), text


def test_a_machine_without_network_says_so_and_passes_only_if_allowed(tmp_path) -> None:
    nowhere = "http://127.0.0.1:9"
    assert audit(nowhere, tmp_path, "good==1.0")[0] == 2
    code, text = audit(nowhere, tmp_path, "good==1.0", flags=("--unless-offline",))
    assert code == 0
    assert "NOT AUDITED" in text
