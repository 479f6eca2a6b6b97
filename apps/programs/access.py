"""Letting a program in: its token, its person, its scope, its pace. For `apps/api` and FHIR.

Whoever answers programs calls `let_in` first, or puts `for_programs` before a view::

    @for_programs(Scope.FHIR_READ)
    @require_safe
    def read(request, patient_id):
        patient = fetch_patient(request, patient_id)   # as a page does: own clinic, or 404

After it `request.user` and `request.member` are the person in whose name the program acts, so
that `apps.patients.access` works as on the pages, `request.program` is the program, and every
audit row names both. A browser's cookies count for nothing here.
"""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.contrib.auth.decorators import login_not_required
from django.db.models import Case, F, Q, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.accounts.guessing import guessed_too_often
from apps.accounts.tokens import hash_token
from apps.audit.actions import act_through
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.models import StaffMember
from apps.patients.permissions import may
from apps.programs.models import AccessToken, Program
from apps.programs.problems import ProblemError, problem_response
from apps.programs.scopes import RIGHT_FOR, Scope

PER_MINUTE: Final = 600  # [proposal] questions of one program, whatever its tokens
BEARER: Final = "Bearer"

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
Refuse = Callable[[ProblemError], HttpResponse]


def let_in(request: HttpRequest, scope: str) -> Program:
    """Return the program that asks, and make the request one of its person's.

    Token, program, membership, person and right are read anew for every question: what was
    revoked or deactivated a moment ago is refused. An empty scope asks for none. Raises
    `ProblemError`: 401 without a valid token, 403 without the scope or the person's right, 429
    when it asks too often.
    """
    now = timezone.now()
    token = find_token(request, now)
    program = token.program
    request.user = program.member.user
    request.member = program.member  # type: ignore[attr-defined]
    request.program = program  # type: ignore[attr-defined]
    act_through(program)
    check_pace(program, now)
    check_scope(token, program.member, scope)
    return program


def find_token(request: HttpRequest, now: datetime) -> AccessToken:
    """Return the token that the request carries, with its program and person; enter its clinic."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != BEARER.lower() or not secret:
        raise unknown("Send a token: “Authorization: Bearer …”. docs/api.md says how to get one.")
    rows = AccessToken.objects.select_related("program__member__user", "program__clinic")
    with every_clinic():
        token = rows.filter(token_hash=hash_token(secret.strip())).first()
    if token is None and guessed_too_often(request):
        raise ProblemError(
            429, "too-many-guesses", "Too many tokens that do not exist. Wait five minutes.",
            headers={"Retry-After": "300"},
        )  # fmt: skip
    if token is None or not (token.is_valid(now) and token.program.works):
        raise unknown("This token does not work (any more). Get a new one.", "invalid_token")
    enter_clinic(token.program.clinic_id)
    return token


def unknown(detail: str, error: str = "") -> ProblemError:
    """Return the refusal of somebody who did not say who they are (RFC 6750 section 3)."""
    challenge = f'{BEARER} realm="programs"' + (f', error="{error}"' if error else "")
    return ProblemError(401, "no-valid-token", detail, headers={"WWW-Authenticate": challenge})


def check_pace(program: Program, now: datetime) -> None:
    """Count this question; raise 429 when the minute's are used up. One statement, no race."""
    minute = now.replace(second=0, microsecond=0)
    same = Q(minute_at=minute)
    rows = Program.objects.filter(pk=program.pk).filter(
        Q(minute_at=None) | ~same | Q(asked__lt=PER_MINUTE)
    )
    counted = rows.update(
        asked=Case(When(same, then=F("asked") + Value(1)), default=Value(1)), minute_at=minute
    )
    if not counted:
        raise ProblemError(
            429, "too-many-requests",
            f"A program may ask {PER_MINUTE} times a minute. Wait, then send this again.",
            headers={"Retry-After": str(60 - now.second)},
        )  # fmt: skip


def check_scope(token: AccessToken, member: StaffMember, scope: str) -> None:
    """Raise 403 unless the token has the scope and its person has the right for it now.

    Without a scope any token will do: for what says only who asks.
    """
    if not scope:
        return
    if scope not in token.scopes or scope not in token.program.scopes:
        raise ProblemError(
            403, "insufficient-scope", f"This token was not given for {scope}.",
            headers={
                "WWW-Authenticate": f'{BEARER} error="insufficient_scope", scope="{scope}"'
            },
        )  # fmt: skip
    if not may(member, RIGHT_FOR[scope]):
        raise ProblemError(
            403, "no-right", f"The person in whose name this program acts may not: {words(scope)}."
        )


def words(scope: str) -> str:
    """Return what a scope opens, as a part of a sentence."""
    label = str(Scope(scope).label)
    return label[0].lower() + label[1:]


def for_programs(scope: str, refuse: Refuse = problem_response) -> Callable[[View[P]], View[P]]:
    """Open a view to programs with this scope and to nobody else; `refuse` makes the refusal."""

    def decorate(view: View[P]) -> View[P]:
        @csrf_exempt
        @login_not_required
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                let_in(request, scope)
                return view(request, *args, **kwargs)
            except ProblemError as problem:
                return refuse(problem)

        return guarded

    return decorate


def program_of(request: HttpRequest) -> Program:
    """Return the program of a request that was let in."""
    program: Program = request.program  # type: ignore[attr-defined]
    return program
