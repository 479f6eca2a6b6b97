"""What a program is told when something is refused: RFC 9457, application/problem+json."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.http import JsonResponse

CONTENT_TYPE: Final = "application/problem+json"
# Not an address: nobody should fetch it. The last word is what a program may compare.
TYPE: Final = "tag:glidepath,2026:problem:{}"
# What is said of a refusal that no view of ours put into words, by its status.
WORDS: Final[dict[int, tuple[str, str]]] = {
    400: ("bad-request", "This question cannot be read."),
    403: ("not-allowed", "This address is not for programs, or not by this method."),
    404: ("not-found", "There is no such thing here."),
    405: ("method-not-allowed", "This address takes other methods: see the header Allow."),
    413: ("too-large", "The body is too large."),
    500: ("failed", "This failed and changed nothing. Send the same again, with the same key."),
    503: ("away", "The service is not there for a moment. Send the same again."),
}
OTHER: Final = ("refused", "This was refused.")


class ProblemError(Exception):
    """Refuse a program's question; `detail` is a sentence for the person who reads its log.

    `url` is the page of the app where a person does what the program may not.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        url: str = "",
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.url = status, kind, detail, url
        self.errors, self.headers = errors, dict(headers or {})


def problem_of(status: int, headers: Mapping[str, str] | None = None) -> ProblemError:
    """Return the refusal that a status says by itself."""
    return ProblemError(status, *WORDS.get(status, OTHER), headers=headers)


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
    if problem.url:
        body["url"] = problem.url
    return JsonResponse(
        body, status=problem.status, content_type=CONTENT_TYPE, headers=problem.headers
    )
