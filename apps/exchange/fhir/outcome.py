"""How the FHIR address says that something is wrong: an OperationOutcome with a sentence."""

from django.http import HttpResponse

from apps.exchange.fhir.elements import Resource, as_json
from apps.programs.problems import ProblemError

FIRST_ERROR = 400
CODES = {
    201: "informational",
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported",
    406: "not-supported",
    409: "conflict", 413: "too-long", 415: "not-supported", 422: "invalid", 429: "throttled",
}  # fmt: skip


def outcome(status: int, *sentences: str) -> Resource:
    """Return what is wrong, or what was done, an issue per sentence."""
    code = CODES.get(status, "processing")
    severity = "error" if status >= FIRST_ERROR else "information"
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": severity, "code": code, "diagnostics": sentence} for sentence in sentences
        ],
    }


def refuse(problem: ProblemError) -> HttpResponse:
    """Return a refusal as FHIR wants it."""
    sentences = [each.get("detail", "") for each in problem.errors] or [problem.detail]
    body = as_json(outcome(problem.status, *sentences))
    return answer(body, problem.status, problem.headers)


def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Return a resource; nobody on the way may keep it."""
    headers = {"Cache-Control": "no-store", **(headers or {})}
    kind = "application/fhir+json; charset=utf-8"
    return HttpResponse(body, status=status, content_type=kind, headers=headers)
