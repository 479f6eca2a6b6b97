"""The structure of the project, held by tests from the first day."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ROOT / "apps"

# Imports go to a strictly lower layer only (design section 3).
LAYERS = [
    {"clinical"},
    {"database"},
    {"audit"},
    {"accounts"},
    {"patients"},
    {"programs"},
    {"alerts", "tapers"},
    {"checkins"},
    {"detox"},
    {"exchange"},
    {"retention"},
    {"dashboard", "portal"},
    {"research"},
    {"api"},
]
LAYER_OF = {app: level for level, apps in enumerate(LAYERS) for app in apps}

# Inside alerts the graph has one direction too, so that no import is hidden in a function.
ALERTS_ORDER = [
    "states", "ladder", "links", "models", "sealed", "emails", "texts", "rota_calendar",
    "coverage", "rota", "ways", "escalation", "drill_actions", "smtp", "gateways", "batch",
    "breaker", "delivery", "mail_rows", "receipts", "system_alerts", "system_sending", "sweep",
    "health", "record_check", "metrics", "outside", "contact_sending", "rounds", "dispatcher",
    "rota_actions", "tasks", "actions", "act_actions", "mute_actions", "contact_actions",
    "gateway_actions", "forms", "rota_forms", "contact_forms", "views", "rota_views",
    "contact_views", "gateway_views", "urls",
]  # fmt: skip

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40  # without the docstring
BANNED_NAMES = {"utils", "helpers", "services", "selectors", "signals"}


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            found.add(node.module or "")
    return found


def app_of(path: Path) -> str:
    return path.relative_to(APPS).parts[0]


def upward_imports(path: Path) -> list[str]:
    """Name the imports of an app's module that do not go strictly down."""
    own = app_of(path)
    others = {name.split(".")[1] for name in imports_of(path) if name.startswith("apps.")} - {own}
    return [other for other in others if LAYER_OF[other] >= LAYER_OF[own]]


@pytest.mark.parametrize("path", modules(APPS), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down_only(path: Path) -> None:
    if path == APPS / "__init__.py":
        return
    assert upward_imports(path) == []


def test_an_upward_import_would_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "alerts" / "views.py"
    module.parent.mkdir()
    module.write_text("from apps.checkins.models import CheckIn\nimport apps.patients.models\n")
    monkeypatch.setattr(sys.modules[__name__], "APPS", tmp_path)
    assert upward_imports(module) == ["checkins"]


def test_clinical_imports_only_the_standard_library_and_itself() -> None:
    for path in modules(APPS / "clinical"):
        for name in imports_of(path):
            top = name.split(".")[0]
            assert top in sys.stdlib_module_names or name.startswith("apps.clinical"), (path, name)


def test_clinical_has_no_clock_no_chance_and_no_network() -> None:
    banned = {"random", "secrets", "socket", "urllib", "http", "time", "subprocess", "threading"}
    for path in modules(APPS / "clinical"):
        used = {name.split(".")[0] for name in imports_of(path)}
        assert not used & banned, path


def test_inside_alerts_imports_point_one_way() -> None:
    place = {name: index for index, name in enumerate(ALERTS_ORDER)}
    for path in (APPS / "alerts").glob("*.py"):
        if path.stem in ("__init__", "apps"):
            continue
        for name in imports_of(path):
            if name.startswith("apps.alerts."):
                other = name.split(".")[2]
                assert place[other] < place[path.stem], f"{path.stem} imports {other}"


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines, its docstring left out."""
    lines = (node.end_lineno or 0) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def test_the_product_never_silences_a_trigger() -> None:
    for path in modules(APPS) + modules(ROOT / "config"):
        text = path.read_text()
        assert "pgtrigger.ignore" not in text, path
        assert "session_replication_role" not in text, path


@pytest.mark.parametrize(
    "path", modules(APPS) + modules(ROOT / "config"), ids=lambda p: str(p.relative_to(ROOT))
)
def test_modules_and_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert lines_of(node) <= MAX_FUNCTION_LINES, f"{node.name}: {lines_of(node)} lines"


def test_no_module_has_a_name_that_says_nothing() -> None:
    for path in modules(APPS) + modules(ROOT / "config"):
        assert path.stem not in BANNED_NAMES, path


def test_every_module_says_what_is_in_it() -> None:
    for path in modules(APPS) + modules(ROOT / "config"):
        if path.read_text().strip() and path.name != "__init__.py":
            assert ast.get_docstring(ast.parse(path.read_text())), path


def test_no_import_is_hidden_in_a_function() -> None:
    allowed = {"ready", "main"}
    for path in modules(APPS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name not in allowed:
                hidden = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
                assert not hidden, f"{path}: {node.name}"


def test_every_measurement_can_be_imported() -> None:
    """No test runs them: a name that moved would be missed at the next `make bench` only."""
    for path in sorted((ROOT / "tests" / "bench").glob("*.py")):
        importlib.import_module(f"tests.bench.{path.stem}")


def test_the_top_level_is_what_was_asked_for() -> None:
    for name in ("manage.py", "requirements.txt", "config", "apps", "templates", "static", "tests"):
        assert (ROOT / name).exists(), name


def test_nothing_the_project_ships_names_a_machine_or_a_registry() -> None:
    banned = ["/work" + "/", "pypi.org" + "/simple", "registry." + "npmjs"]
    folders = [APPS, ROOT / "config", ROOT / "docs", ROOT / "templates", ROOT / "tests"]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [ROOT / "README.md", ROOT / "Makefile", ROOT / ".ci" / "run"]
    for path in files:
        if path.suffix in {".py", ".md", ".html", ".txt", ".toml", ""} and path.exists():
            text = path.read_text(errors="replace")
            assert not [word for word in banned if word in text], path


def test_a_patients_row_is_locked_without_its_key() -> None:
    """A lock of the key makes every row that refers to the patient wait, whoever writes it.

    Who had locked such a row before then waited for a check-in that waited for that row, and
    PostgreSQL ended one of the two. Only what removes a patient locks the key.
    """
    full = re.compile(r"\bPatient\.objects\.select_for_update\((?!no_key=True)")
    found = [path.name for path in modules(APPS) if full.search(path.read_text())]
    assert found == ["erasing.py"]
