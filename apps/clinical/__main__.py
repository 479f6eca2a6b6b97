"""The rules on the command line, with no database: for reviewers and other programs.

``plan REQUEST.json`` prints a schedule; ``conformance VECTORS.json`` runs test
vectors. ``-`` reads from standard input. This is the package's front door, so
it reads the file it is given; no rule does.
"""

import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from apps.clinical.conformance import run_vectors
from apps.clinical.errors import ClinicalError, RequestError
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.taper import build_plan

USAGE = "usage: python -m apps.clinical (plan REQUEST.json | conformance VECTORS.json)"
BAD_INPUT = 2


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code: 0, 1 for failed vectors, 2 for bad input."""
    if len(arguments) != 2 or arguments[0] not in ("plan", "conformance"):
        print(USAGE, file=sys.stderr)
        return BAD_INPUT
    command, name = arguments
    try:
        return _plan(_read(name)) if command == "plan" else _conformance(_read(name))
    except ClinicalError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT


def _plan(requests: Any) -> int:
    """Print the schedule, or for a list one answer per request, in order.

    A list always succeeds: a bad request has its sentence in its own place.
    """
    if not isinstance(requests, list):
        _print(plan_to_json(build_plan(parse_request(requests))))
        return 0
    _print([_answer(request) for request in requests])
    return 0


def _answer(request: Any) -> dict[str, Any]:
    try:
        return plan_to_json(build_plan(parse_request(request)))
    except ClinicalError as error:
        return {"error": str(error)}


def _conformance(document: Any) -> int:
    lines, failed = run_vectors(document)
    print("\n".join(lines))
    return 1 if failed else 0


def _read(name: str) -> Any:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return json.loads(text, parse_float=Decimal, object_pairs_hook=_without_doubles)
    except OSError as error:
        raise RequestError(f"{name}: cannot be read ({error.strerror}).") from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(f"{name}: is not JSON text in UTF-8.") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # JSON keeps the last of two equal names in silence; a dose given twice is a question.
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise RequestError(f"{name}: is given twice.")
    return dict(pairs)


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
