"""Write ``docs/clinical.md``: every clinical rule in words, with source and test.

``python -m apps.clinical.safety_docs`` writes the file, ``--check`` fails when it
no longer says what the code does. A tool of the checkout, not a rule: it is the
one module here that reads source and test files.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from apps.clinical import safety_docs_care as care
from apps.clinical import safety_docs_sections as sections

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(__file__).resolve().parent
DOCUMENT = ROOT / "docs" / "clinical.md"
TESTS = ROOT / "tests" / "clinical"
PROPOSAL = "[proposal"

INTRODUCTION = """\
# Clinical rules

Written by `python -m apps.clinical.safety_docs` from the code; do not edit by hand.
`python -m apps.clinical.safety_docs --check` fails when this page is stale.

For the clinician who has to sign these rules. Each stands here with what it says, where that
comes from and the test that holds it. Marks: `[verified: where]` was read in a stored copy of the
source; `[knowledge: source]` is recalled from that publication; `[uncertain]`; `[proposal]` or
`product proposal` is a choice of this product that a clinician has to make their own.

The program supports a clinic and does not replace cover around the clock. No rule changes the
dose a patient takes today, none tells a patient to take more than planned, and no language model
decides.
"""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A choice of ours, where the code makes it."""

    place: str
    words: str


def render() -> str:
    """Return the whole page as Markdown."""
    parts = [
        INTRODUCTION,
        sections.levels(),
        sections.triage_rules(),
        sections.derived_values(),
        sections.patient_texts(),
        sections.forms(),
        sections.scores(),
        sections.risk(),
        care.level_of_care_questions(),
        care.follow_up(),
        care.drugs(),
        sections.dependence(),
        sections.free_text(),
        sections.taper_rules(tests_naming),
        sections.presets(),
        _proposals_section(),
    ]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with ``--check`` compare it; return the exit code."""
    if list(arguments) not in ([], ["--check"]):
        print("usage: python -m apps.clinical.safety_docs [--check]", file=sys.stderr)
        return 2
    page = render()
    if not arguments:
        DOCUMENT.write_text(page, encoding="utf-8")
        return 0
    if DOCUMENT.is_file() and DOCUMENT.read_text(encoding="utf-8") == page:
        return 0
    print(
        "docs/clinical.md is stale: run python -m apps.clinical.safety_docs and review the change.",
        file=sys.stderr,
    )
    return 1


def tests_naming(rule_id: str) -> tuple[str, ...]:
    """Return the tests of the package whose code holds ``rule_id`` as a text."""
    return tuple(test for test, texts in _texts_of_tests() if rule_id in texts)


@cache
def _texts_of_tests() -> tuple[tuple[str, frozenset[str]], ...]:
    found = []
    for path in sorted(TESTS.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                texts = frozenset(
                    each.value
                    for each in ast.walk(node)
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                )
                found.append((f"{path.name}::{node.name}", texts))
    return tuple(found)


@cache
def proposals() -> tuple[Proposal, ...]:
    """Return every choice the code marks as ours, in comments and docstrings."""
    return tuple(_proposals_in(PACKAGE, PACKAGE))


@cache
def proposals_around() -> tuple[Proposal, ...]:
    """Return the same of every app around the rules: their clocks, guards, tasks and limits."""
    apps = PACKAGE.parent
    around = sorted(path for path in apps.iterdir() if path.is_dir() and path != PACKAGE)
    return tuple(found for path in around for found in _proposals_in(path, apps))


def _proposals_in(folder: Path, root: Path) -> Iterator[Proposal]:
    for path in sorted(folder.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if PROPOSAL not in source or path.name.startswith("safety_docs"):
            continue
        if "migrations" in path.parts:
            continue
        name = path.relative_to(root).as_posix()
        yield from _proposals_in_docstrings(name, source)
        yield from _proposals_in_comments(name, source)


def _proposals_in_docstrings(name: str, source: str) -> Iterator[Proposal]:
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for node in ast.walk(tree):
        if not isinstance(node, documented):
            continue
        place = name if isinstance(node, ast.Module) else f"{name} {node.name}"
        for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
            if PROPOSAL in paragraph:
                yield Proposal(place, " ".join(paragraph.split()))


def _proposals_in_comments(name: str, source: str) -> Iterator[Proposal]:
    for line, words in _comment_blocks(source):
        if PROPOSAL in words:
            follows = _code_after(source, line)
            yield Proposal(name, f"{words} `{follows}`" if follows else words)


def _comment_blocks(source: str) -> Iterable[tuple[int, str]]:
    """Join comment lines that stand under each other; give the last line's number."""
    blocks: list[tuple[int, str]] = []
    open_until = 0  # the last line of a block that the next line may continue
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, column = token.start
        words = token.string.lstrip("# ").strip()
        beside_code = bool(token.line[:column].strip())
        if blocks and not beside_code and open_until == line - 1:
            blocks[-1] = (line, f"{blocks[-1][1]} {words}")
        else:
            blocks.append((line, words))
        open_until = 0 if beside_code else line
    return blocks


def _code_after(source: str, line: int) -> str:
    """Return the code a comment speaks of: its own line, or the next one."""
    lines = source.splitlines()
    own = lines[line - 1].split("#")[0].strip()
    return own or (lines[line].strip() if line < len(lines) else "")


def _proposals_section() -> str:
    head, rules, around = ("where", "choice"), proposals(), proposals_around()
    return "\n\n".join(
        [
            "## Choices of ours",
            "Each is marked in the code; a clinician has to confirm or change it.",
            sections.table(head, [(each.place, each.words) for each in rules]),
            "### Around the rules",
            "Choices of clocks, guards, tasks and limits that the rules above do not make.",
            sections.table(head, [(each.place, each.words) for each in around]),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
