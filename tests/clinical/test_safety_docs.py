"""The page for reviewing clinicians says what the code does, and is current."""

import ast
import re

import pytest

from apps.clinical import findings, safety_docs
from apps.clinical.data_symptoms import rows_by
from apps.clinical.drugs import all_drugs
from apps.clinical.risk import FACTOR_TABLE
from apps.clinical.texts import text_keys
from apps.clinical.triage import RULES

PAGE = safety_docs.render()


@pytest.fixture
def page(tmp_path, monkeypatch):
    path = tmp_path / "clinical.md"
    monkeypatch.setattr(safety_docs, "DOCUMENT", path)
    return path


def test_the_page_in_the_repository_is_current():
    assert safety_docs.main(["--check"]) == 0, "run python -m apps.clinical.safety_docs"


def test_the_check_fails_on_a_missing_and_on_a_stale_page(page, capsys):
    assert safety_docs.main(["--check"]) == 1
    page.write_text(PAGE + "one more line", encoding="utf-8")
    assert safety_docs.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err


def test_writing_makes_the_page_current(page):
    assert safety_docs.main([]) == 0
    assert page.read_text(encoding="utf-8") == PAGE
    assert safety_docs.main(["--check"]) == 0


def test_an_unknown_argument_is_refused(capsys):
    assert safety_docs.main(["--chek"]) == 2
    assert "usage" in capsys.readouterr().err


def test_every_rule_factor_and_text_is_on_the_page():
    for rule in RULES:
        assert f"`{rule.rule_id}`" in PAGE
        assert rule.plain in PAGE
    for name in (*rows_by(FACTOR_TABLE, "factor"), *findings.RULES, *text_keys()):
        assert f"`{name}`" in PAGE


@pytest.mark.parametrize(
    "heading",
    [
        "Scores",
        "Seizure-risk tier",
        "Level of care",
        "Follow-up",
        "Drugs and equivalence",
        "Physical dependence and dose bands",
    ],
)
def test_a_section_names_its_tests_and_not_only_their_file(heading):
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"`test_\w+\.py::\w+", section)
    assert re.findall(r"`test_\w+\.py`", section) == []


def test_the_page_holds_the_questions_of_level_of_care_and_every_drug():
    for name in ("ASAM-07a", "ASAM-07b", "ASAM-07c", *(drug.id for drug in all_drugs())):
        assert f"| `{name}` |" in PAGE


def test_every_test_named_on_the_page_exists():
    named = set(re.findall(r"`(test_\w+\.py)(?:::(\w+))?", PAGE))
    assert len(named) > 5
    for file, function in named:
        source = (safety_docs.TESTS / file).read_text(encoding="utf-8")
        assert f"def {function}" in source if function else source


def test_tests_are_found_by_the_rule_they_name():
    found = safety_docs.tests_naming("rf_halluc")
    assert "test_triage_assess.py::test_options_can_be_those_of_one_form_and_one_patient" in found
    assert safety_docs.tests_naming("no such " + "rule") == ()


def test_choices_of_ours_are_found_in_comments_and_docstrings():
    found = {(each.place, each.words) for each in safety_docs.proposals()}
    assert any(
        place == "triage/rules_urgent.py" and "DOSE_GAP_HOURS_UNKNOWN = 24" in words
        for place, words in found
    )
    assert any(place == "triage/trends.py mean_above" for place, _ in found)
    assert any(place == "texts.py" for place, _ in found)


def test_every_choice_of_every_app_stands_on_the_page():
    """By its mark, wherever a file has it; of a new app, too."""
    apps = safety_docs.PACKAGE.parent
    marked = [
        path.relative_to(apps).as_posix()
        for path in apps.rglob("*.py")
        if "[proposal" in path.read_text(encoding="utf-8")
        and not {"clinical", "migrations"} & set(path.parts)
    ]
    around = PAGE.split("### Around the rules\n")[1]
    assert {name.split("/")[0] for name in marked} >= {"checkins", "portal", "exchange", "detox"}
    for name in marked:
        source = (apps / name).read_text(encoding="utf-8")
        found = [each for each in safety_docs.proposals_around() if each.place.startswith(name)]
        assert sum(each.words.count("[proposal") for each in found) >= source.count("[proposal")
        assert f"| {name}" in around


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# why\n# [proposal] two lines\nLIMIT = 3\n", ["why [proposal] two lines `LIMIT = 3`"]),
        ("LIMIT = 3  # [proposal]\n", ["[proposal] `LIMIT = 3`"]),
        ("A = 1  # C-03\n# [proposal] not the line above\nB = 2\n",
         ["[proposal] not the line above `B = 2`"]),
        ("# [proposal] at the end\n", ["[proposal] at the end"]),
        ("# nothing of ours\nA = 1\n", []),
    ],
)  # fmt: skip
def test_a_comment_is_told_with_the_code_it_speaks_of(source, expected):
    found = safety_docs._proposals_in_comments("module.py", source)
    assert [each.words for each in found] == expected


def test_a_cell_never_breaks_its_table():
    assert safety_docs.sections.table(("a|b",), [("c\nd",)]) == "| a\\|b |\n| --- |\n| c d |"


def public_functions(body, place):
    """Return (place, docstring) of the public functions, and of those of public classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from public_functions(node.body, f"{place} {node.name}")
            yield f"{place} {node.name}", ast.get_docstring(node)


def test_every_public_function_and_class_says_what_the_caller_gets():
    found = [
        each
        for path in sorted(safety_docs.PACKAGE.rglob("*.py"))
        for each in public_functions(
            ast.parse(path.read_text(encoding="utf-8")).body, path.relative_to(safety_docs.PACKAGE)
        )
    ]
    assert len(found) > 200
    assert [place for place, words in found if not words] == []


def test_a_rules_docstring_has_the_words_of_the_reviewed_table():
    for rule in RULES:
        words = " ".join(rule.test.__doc__.split())
        assert words.startswith(f"{rule.plain} ({rule.rule_id})")
