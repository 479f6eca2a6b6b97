"""Compare this package with a file of test vectors, one line per vector.

The file is shaped like the reference vectors: ``{"vectors": [{"id", "kind",
"input", "expected", ...}]}``. Kinds are looked up in the two registries.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from apps.clinical import conformance_symptoms, conformance_tapers
from apps.clinical.errors import RequestError, shown

Number = int | float | Decimal | Fraction
# Words of explanation inside an expected value; nothing to compare with.
REMARKS = frozenset({"note"})
# Names that must be among the answers, which may have more.
AT_LEAST = "must_fire"
# Vectors print percentages and milligrams to at least this many decimals.
LEAST_DECIMALS = 1


def run_vectors(document: object) -> tuple[list[str], int]:
    """Return a line per vector, a last line with the counts, and how many failed.

    A vector of an unknown kind, or one that raises, fails and says why. Raises
    RequestError when the document does not have the shape of a vector file.
    """
    vectors = document.get("vectors") if isinstance(document, dict) else None
    if not isinstance(vectors, list):
        raise RequestError('vectors: takes a file with a list under "vectors".')
    lines = []
    failed = 0
    for vector in vectors:
        trouble = _trouble(vector)
        failed += trouble is not None
        name = f"{_label(vector, 'id')} {_label(vector, 'kind')}"
        lines.append(f"FAIL {name}: {trouble}" if trouble else f"ok {name}")
    return [*lines, f"{len(vectors) - failed} passed, {failed} failed"], failed


def agrees(expected: object, found: object) -> bool:
    """Answer whether an answer says what a vector expects, to the decimals it prints.

    An answer may say more than was asked, never less: further fields, and
    further rules where a vector lists only those that must fire.
    """
    if isinstance(expected, dict):
        return isinstance(found, Mapping) and all(
            key in found and _agrees_under(key, value, found[key])
            for key, value in expected.items()
            if key not in REMARKS
        )
    if isinstance(expected, list):
        return (
            isinstance(found, list | tuple)
            and len(found) == len(expected)
            and all(map(agrees, expected, found))
        )
    if isinstance(expected, Number) and isinstance(found, Number):
        if isinstance(expected, bool) or isinstance(found, bool):
            return expected is found
        return _same_number(Decimal(str(expected)), found)
    return type(expected) is type(found) and bool(expected == found)


def _agrees_under(key: str, expected: object, found: object) -> bool:
    if key == AT_LEAST and isinstance(expected, list) and isinstance(found, list | tuple):
        return set(expected) <= set(found)
    return agrees(expected, found)


def _trouble(vector: Any) -> str | None:
    if not isinstance(vector, dict):
        return "a vector is a JSON object"
    kind = vector.get("kind")
    runner = _runner(kind) if isinstance(kind, str) else None
    if runner is None:
        return f"no runner for the kind {shown(kind)}"
    try:
        found = runner(vector)
    except (ValueError, LookupError, TypeError, ArithmeticError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    expected = vector.get("expected")
    return None if agrees(expected, found) else f"expected {expected}, found {found}"


def _label(vector: Any, key: str) -> str:
    value = vector.get(key) if isinstance(vector, dict) else None
    return value if isinstance(value, str) and value.isprintable() else shown(value)


def _runner(kind: str) -> Callable[[dict[str, Any]], Any] | None:
    if kind in conformance_tapers.RUNNERS:
        return conformance_tapers.RUNNERS[kind]
    symptom = conformance_symptoms.RUNNERS.get(kind)
    return symptom and (lambda vector: symptom(vector["input"]))


def _same_number(expected: Decimal, found: Number) -> bool:
    # Half a unit either way: a printed 6.17 stands for 6.175 as well as for 6.165,
    # since a file written from binary floats rounds halves both ways.
    places = max(LEAST_DECIMALS, -int(expected.as_tuple().exponent))
    half = Fraction(Decimal(5).scaleb(-places - 1))
    return abs(Fraction(found) - Fraction(expected)) <= half
