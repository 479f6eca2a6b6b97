"""The command line: exit codes, and answers where other programs expect them."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from apps.clinical.__main__ import main
from tests.clinical.test_requests import EXAMPLE, changed

ROOT = Path(__file__).parents[2]


def run(tmp_path, value, command="plan"):
    path = tmp_path / "request.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return main([command, str(path)])


def test_a_plan_is_printed_as_json(tmp_path, capsys):
    assert run(tmp_path, EXAMPLE) == 0
    assert json.loads(capsys.readouterr().out)["steps"][0]["daily_mg"] == "2"


def test_bad_input_gives_exit_2_and_one_sentence(tmp_path, capsys):
    assert run(tmp_path, changed(interval_days=0)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "interval_days: takes a whole number from 7 to 28, not 0.\n"


def test_a_list_is_answered_in_order_with_errors_in_their_place(tmp_path, capsys):
    assert run(tmp_path, [EXAMPLE, changed(goal_mg="9"), EXAMPLE]) == 0
    first, second, third = json.loads(capsys.readouterr().out)
    assert first == third
    assert set(second) == {"error"}
    assert second["error"].startswith("goal_mg: takes less than")


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ('{"drug": "clonazepam", "drug": "diazepam"}', "drug: is given twice."),
        ('{"slots": {"night": "1", "night": "2"}}', "night: is given twice."),
        ('{"products": [{"strength_mg": NaN}]}', "NaN: is not a number in JSON"),
        ('{"interval_days": Infinity}', "Infinity: is not a number in JSON"),
        ("-Infinity", "-Infinity: is not a number in JSON"),
        ('{"interval_days": 1e99999999999999999999}', "is a number too long to read"),
    ],
)
def test_what_json_cannot_mean_is_refused_in_its_place_and_the_rest_answered(
    tmp_path, capsys, item, sentence
):
    good = json.dumps(EXAMPLE)
    assert run(tmp_path, f"[{good}, {item}, {good}]") == 0
    first, second, third = json.loads(capsys.readouterr().out)
    assert first == third
    assert "steps" in first
    assert set(second) == {"error"}
    assert sentence in second["error"]


def test_vectors_with_a_name_given_twice_are_refused_whole(tmp_path, capsys):
    assert run(tmp_path, '{"vectors": [], "vectors": []}', "conformance") == 2
    assert capsys.readouterr().err == "vectors: is given twice.\n"


def test_a_request_may_come_from_standard_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(EXAMPLE).encode())))
    assert main(["plan", "-"]) == 0
    assert '"number": 1' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON text"),
        ("[" * 100_000, "is not JSON text"),
        ('{"drug": "clonazepam", "drug": "diazepam"}', "drug: is given twice."),
        ("", "is not JSON text"),
        ("null null", "is not JSON text"),
        ('{"drug": NaN}', "NaN: is not a number in JSON"),
        ('{"drug": -Infinity}', "-Infinity: is not a number in JSON"),
        pytest.param(
            '{"interval_days": 1' + "0" * 5000 + "}", "is a number too long", id="5,001 digits"
        ),
        ('{"interval_days": 1e99999999999999999999}', "is a number too long to read"),
        ('{"a\\nb": 1, "a\\nb": 2}', r"'a\nb': is given twice."),
    ],
)
def test_text_that_is_not_one_request_is_refused(tmp_path, capsys, text, sentence):
    assert run(tmp_path, text) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_file_that_cannot_be_read_is_named(tmp_path, capsys):
    assert main(["plan", str(tmp_path / "nothing.json")]) == 2
    assert "nothing.json: cannot be read" in capsys.readouterr().err
    assert main(["plan", str(tmp_path)]) == 2
    assert "cannot be read (Is a directory)" in capsys.readouterr().err
    (tmp_path / "latin").write_bytes(b'{"drug": "\xe9"}')
    assert main(["plan", str(tmp_path / "latin")]) == 2


@pytest.mark.parametrize("arguments", [[], ["plan"], ["taper", "x"], ["plan", "x", "y"]])
def test_another_command_shows_how_to_call_it(arguments, capsys):
    assert main(arguments) == 2
    assert "usage: python -m apps.clinical" in capsys.readouterr().err


def test_conformance_prints_a_line_per_vector_and_the_counts(tmp_path, capsys):
    vectors = [
        {
            "id": "A",
            "kind": "equivalence",
            "input": {"drug": "diazepam", "mg_per_day": 5},
            "expected": {"risk_value": 5.0},
        }
    ]
    assert run(tmp_path, {"vectors": vectors}, "conformance") == 0
    assert capsys.readouterr().out == "ok A equivalence\n1 passed, 0 failed\n"
    vectors[0]["expected"] = {"risk_value": 6.0}
    assert run(tmp_path, {"vectors": vectors}, "conformance") == 1
    assert run(tmp_path, [], "conformance") == 2


def test_what_was_typed_is_printed_on_a_terminal_of_any_encoding(tmp_path):
    path = tmp_path / "requests.json"
    path.write_text(json.dumps([changed(slots={"night": "\uff11"})]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-m", "apps.clinical", "plan", str(path)],
        cwd=ROOT,
        env={"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["error"].endswith("not '\uff11'.")


def test_a_vector_with_an_odd_name_still_gets_one_line(tmp_path, capsys):
    vectors = [{"id": "a\nb", "kind": "\u00e9"}, {"id": ["x"], "kind": {}}, 5]
    assert run(tmp_path, {"vectors": vectors}, "conformance") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == r"FAIL 'a\nb' \xe9: no runner for the kind '\xe9'"
    assert lines[1].startswith("FAIL a list an object: no runner")
    assert lines[3:] == ["0 passed, 3 failed"]


def test_the_package_runs_alone_without_django(tmp_path):
    path = tmp_path / "request.json"
    path.write_text(json.dumps(changed(slots={"night": "0,5"})), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-m", "apps.clinical", "plan", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("slots.night: takes milligrams")
