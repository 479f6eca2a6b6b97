"""What scripts keep in a browser: only what a patient's phone must have without network."""

import re
from pathlib import Path

import pytest

STATIC = Path(__file__).resolve().parent.parent.parent / "static"
KEEPS = re.compile(r"localStorage|sessionStorage|indexedDB|\bcaches\b|document\.cookie|cookieStore")
# Each with what it keeps there. docs/security/asvs.md says so under 14.3.3.
ALLOWED = {
    "js/board.js": "whether single keys are shortcuts",
    "js/offline.js": "uses the outbox where there is one",
    "js/outbox.js": "answers that wait for the network",
    "js/worker.js": "the empty form, to be filled in without network",
    "js/coping.js": "takes the copy of the coping plan away",
    "js/coping-worker.js": "the coping plan, where the patient asked for it",
}
# Not ours, and switched off or never asked to.
LIBRARIES = ("vendor/",)


def scripts() -> list[Path]:
    return sorted(STATIC.rglob("*.js"))


def test_no_other_script_keeps_anything() -> None:
    keeping = {
        path.relative_to(STATIC).as_posix() for path in scripts() if KEEPS.search(path.read_text())
    }
    assert {name for name in keeping if not name.startswith(LIBRARIES)} == set(ALLOWED)


@pytest.mark.parametrize(
    "word", ["localStorage.x = 1", "document.cookie = y", "await caches.open()"]
)
def test_the_instrument_would_see_one(word: str) -> None:
    assert KEEPS.search(word)
