"""What a program is told when something is refused: RFC 9457, application/problem+json."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse

CONTENT_TYPE: Final = "application/problem+json"
# Not an address: nobody should fetch it. The last word is what a program may compare.
TYPE: Final = "tag:glidepath,2026:problem:{}"


class ProblemError(Exception):
    """Refuse a program's question; `detail` is a sentence for the person who reads its log."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers = errors, dict(headers or {})


def problem_response(problem: ProblemError) -> JsonResponse:
    """Return the answer that says what is wrong, field by field where there are fields."""
    body: dict[str, Any] = {
        "type": TYPE.format(problem.kind),
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = list(problem.errors)
    return JsonResponse(
        body, status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )
