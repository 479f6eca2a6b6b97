"""The rules on the command line, with no database: for reviewers and other programs.

``plan REQUEST.json`` prints a schedule; ``conformance VECTORS.json`` runs test
vectors. ``-`` reads from standard input. This is the package's front door, so
it reads the file it is given; no rule does.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apps.clinical.conformance import run_vectors
from apps.clinical.errors import ClinicalError, RequestError
from apps.clinical.requests import parse_request, plan_to_json
from apps.clinical.strict_json import check_read, read_json
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
        _print(_schedule(requests))
        return 0
    _print([_answer(request) for request in requests])
    return 0


def _schedule(request: Any) -> dict[str, Any]:
    check_read(request)
    return plan_to_json(build_plan(parse_request(request)))


def _answer(request: Any) -> dict[str, Any]:
    try:
        return _schedule(request)
    except ClinicalError as error:
        return {"error": str(error)}


def _conformance(document: Any) -> int:
    check_read(document)
    lines, failed = run_vectors(document)
    print("\n".join(lines).encode("ascii", "backslashreplace").decode())
    return 1 if failed else 0


def _read(name: str) -> Any:
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return read_json(text.decode("utf-8"))
    except OSError as error:
        raise RequestError(f"{name}: cannot be read ({error.strerror}).") from None
    except (ValueError, RecursionError):
        raise RequestError(f"{name}: is not JSON text in UTF-8 that can be read.") from None


def _print(value: Any) -> None:
    # ASCII, so that no terminal refuses what somebody typed.
    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
