"""The user guides say what the pages say: buttons, images and links exist."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests.clinical.test_texts import grade

ROOT = Path(__file__).resolve().parent.parent
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
WORDS = unescape(
    "".join(path.read_text() for folder in ("templates", "apps")
            for path in (ROOT / folder).rglob("*") if path.suffix in (".html", ".py"))
)  # fmt: skip
LINK = re.compile(r"\]\(([^)#]*)(#[^)]*)?\)")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_names_is_there(guide: Path) -> None:
    text = guide.read_text()
    assert [path for path, _ in LINK.findall(text) if not (guide.parent / path).exists()] == []
    if guide.suffixes == [".md"]:
        assert [name for name in re.findall(r"\*\*(.+?)\*\*", text) if name not in WORDS] == []


def test_there_is_a_guide_for_everybody() -> None:
    assert {path.stem for path in GUIDES} >= {"prescriber", "nurse", "patient", "admin"}


def test_the_patients_guide_reads_at_grade_6_or_less() -> None:
    text = (ROOT / "docs" / "guides" / "patient.md").read_text()
    for paragraph in re.sub(r"!\[.*\)|[#*]", "", text).split("\n\n"):
        if len(re.findall(r"[A-Za-z']+", paragraph)) >= 4:
            assert grade(paragraph) <= 6, paragraph
