"""Every hazard has a control, and every control a test that exists."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
LOG = TESTS.parent / "docs" / "safety" / "hazard-log.md"
COLUMNS = ["id", "hazard", "severity", "control", "left", "tests"]


def hazards(text: str) -> list[dict[str, str]]:
    """Return the rows of the log's table by column."""
    rows = [line.strip().strip("|").split("|") for line in text.splitlines() if line[:2] == "| "]
    header, *body = [[cell.strip() for cell in row] for row in rows]
    assert header == COLUMNS
    return [dict(zip(COLUMNS, row, strict=True)) for row in body]


def problems(row: dict[str, str]) -> list[str]:
    """Return what is wrong with one row, as sentences."""
    found = [f"no {column}" for column in ("hazard", "control") if not row[column]]
    if not re.fullmatch(r"H\d{2,3}", row["id"]):
        found.append("the id is not H and two or three digits")
    if row["severity"] not in {"1", "2", "3", "4", "5"}:
        found.append("the severity is not 1 to 5")
    named = re.findall(r"`([^`]+)`", row["tests"])
    if not named:
        found.append("no test")
    return found + [f"there is no test {name}" for name in named if not exists(name)]


def exists(name: str) -> bool:
    """Answer whether `folder/file.py::test` is a test of this folder."""
    file, _, test = name.partition("::")
    path = TESTS / file
    if not (path.is_file() and test.startswith("test_")):
        return False
    tree = ast.walk(ast.parse(path.read_text("utf-8")))
    return any(isinstance(node, ast.FunctionDef) and node.name == test for node in tree)


DELIVERY = TESTS.parent / "docs" / "alert-delivery.md"
HAZARDS = hazards(LOG.read_text("utf-8"))


@pytest.mark.parametrize("row", HAZARDS, ids=lambda row: row["id"])
def test_a_hazard_has_a_control_and_its_test(row: dict[str, str]) -> None:
    assert problems(row) == []


def test_no_number_is_used_twice_and_none_is_left_out() -> None:
    assert [row["id"] for row in HAZARDS] == [f"H{n:02}" for n in range(1, len(HAZARDS) + 1)]
    assert len(HAZARDS) >= 25


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("tests", "", "no test"),
        ("tests", "`test_hazard_log.py::test_gone`", "there is no test"),
        ("tests", "`nowhere.py::test_gone`", "there is no test"),
        ("control", "", "no control"),
        ("severity", "6", "severity"),
        ("id", "7", "id"),
    ],
)
def test_a_control_without_a_test_would_be_found(column: str, value: str, problem: str) -> None:
    (found,) = problems(HAZARDS[0] | {column: value})
    assert problem in found


def test_every_way_in_which_alerts_are_lost_elsewhere_is_tried_here() -> None:
    named = re.findall(r"`(\w+/\w+\.py::\w+)`", DELIVERY.read_text("utf-8"))
    assert len(named) >= 16
    assert [name for name in named if not exists(name)] == []
