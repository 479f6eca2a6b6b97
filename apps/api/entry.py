"""The API itself: its door, its OpenAPI, and every refusal as a problem."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.security.base import AuthBase

from apps.api.schemas import AlertFilter, Problem
from apps.programs.access import let_in
from apps.programs.problems import CONTENT_TYPE, ProblemError, problem_of, problem_response
from apps.programs.scopes import Scope

# What the address of an operation may ask besides its path, by the operation's name.
READ_IN_THE_ADDRESS: Final = {"alerts": frozenset(AlertFilter.model_fields)}
REFUSALS: Final = {401: "no valid token", 403: "not allowed", 429: "too often"}
# As every 429 has it.
RETRY_AFTER: Final = {
    "Retry-After": {"description": "Seconds to wait", "required": True,
                    "schema": {"type": "integer"}},
}  # fmt: skip
TOKEN_URL: Final = "/oauth/token"  # noqa: S105 - an address


class ProgramToken(AuthBase):
    """Lets programs in that have the scope: see `apps.programs.access`."""

    openapi_type = "oauth2"
    openapi_flows: Final = {
        "clientCredentials": {
            "tokenUrl": TOKEN_URL,
            "scopes": {str(each.value): str(each.label) for each in Scope},
        }
    }

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Any:
        """Return the program, or raise the problem."""
        program = let_in(request, self.scope)
        refuse_other_than_json(request)
        refuse_strange(request)
        return program


def refuse_other_than_json(request: HttpRequest) -> None:
    """Refuse a body that does not call itself JSON: another page may have sent it."""
    if request.content_type != "application/json" and request.method == "POST" and request.body:
        detail = "Send JSON, as Content-Type: application/json."
        raise ProblemError(415, "not-json", detail)


def refuse_strange(request: HttpRequest) -> None:
    """Refuse names behind the question mark that this address does not read.

    "?stauts=open" would give all alerts to a program that asked for some.
    """
    route = request.resolver_match
    known = READ_IN_THE_ADDRESS.get(str(route.url_name) if route else "", frozenset())
    strange = [name for name in request.GET if name not in known]
    if strange:
        rows = [{"field": name, "message": "This name is not read here."} for name in strange]
        detail = "Some names are not as the OpenAPI says."
        raise ProblemError(422, "wrong-fields", detail, errors=rows)


class Api(NinjaAPI):
    """Operations that are called as their functions are."""

    def get_openapi_operation_id(self, operation: Any) -> str:
        """Return the name that a generated client gives the call."""
        return str(operation.view_func.__name__)


api = Api(
    title="Glidepath",
    version="1",
    description=(
        "For a clinic's own programs. docs/api.md says how to get a token. A program may read and "
        "take every alert, and close any but an emergency: that one its person closes in the app."
    ),
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)


def answers(ok: Any, status: int = 200, *more: int) -> dict[int, Any]:
    """Return what an operation may answer: what it gives, and problems."""
    refused = (400, *REFUSALS, *more)
    return {status: ok, **dict.fromkeys(sorted(set(refused)), Problem)}


def operation(scope: str) -> dict[str, Any]:
    """Return what the OpenAPI says of an operation besides its types: scope and refusals."""
    return {"security": [{"ProgramToken": [scope] if scope else []}]}


def schema() -> dict[str, Any]:
    """Return the OpenAPI; problems carry their own media type."""
    found: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/api/v1/"))
    for path in found["paths"].values():
        for each in path.values():
            each["security"] = each["security"][-1:]  # the one that names its scope
            for status, given in each["responses"].items():
                if int(status) >= 400:
                    given["content"] = {CONTENT_TYPE: given["content"].pop("application/json")}
                if int(status) == 429:
                    given["headers"] = RETRY_AFTER
    return found


@api.exception_handler(ProblemError)
def refuse(request: HttpRequest, problem: ProblemError) -> HttpResponse:
    """Say what was refused."""
    return problem_response(problem)


@api.exception_handler(ValidationError)
def refuse_shape(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Name each field that is not of its type, without what was sent in it."""
    errors = [{"field": field_of(each["loc"]), "message": each["msg"]} for each in error.errors]
    detail = "Some fields are not as the OpenAPI says."
    return problem_response(ProblemError(422, "wrong-fields", detail, errors=errors))


def field_of(place: tuple[str | int, ...]) -> str:
    """Return a field as the program named it: without where it stood and our own name of it."""
    return ".".join(str(part) for part in (place[2:] or place[1:]))


@api.exception_handler(HttpError)
def refuse_body(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Say that the body cannot be read."""
    detail = "The body is not JSON that can be read."
    return problem_response(ProblemError(error.status_code, "unreadable", detail))


@api.exception_handler(RequestDataTooBig)
def refuse_size(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    """Say that the body is longer than any question needs."""
    return problem_response(problem_of(413))


@api.exception_handler(Http404)
def refuse_unknown(request: HttpRequest, error: Http404) -> HttpResponse:
    """Say the same of what does not exist and of what is another clinic's."""
    return problem_response(problem_of(404))


@api.exception_handler(PermissionDenied)
def refuse_right(request: HttpRequest, error: PermissionDenied) -> HttpResponse:
    """Say that the person may not."""
    return problem_response(ProblemError(403, "no-right", "This person may not do this."))


@api.exception_handler(Exception)
def let_fail(request: HttpRequest, error: Exception) -> HttpResponse:
    """Leave it to the site's own error page, also while debugging: no trace to a program."""
    raise error
