"""Writes of programs: a clinic admin lets one in, its person agrees, somebody ends it."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.accounts.tokens import hash_token, new_token
from apps.audit.actions import record
from apps.patients.errors import FieldError
from apps.patients.models import StaffMember
from apps.programs.models import AccessToken, Program, ProgramQuerySet
from apps.programs.scopes import beyond

TOKEN_LIFETIME: Final = timedelta(minutes=15)  # [proposal]
# So long a token that is over is still known, and told from one that was guessed.
TOKENS_KEPT: Final = timedelta(days=1)
TOKENS_PER_MINUTE: Final = 30  # [proposal] of one program; each is a row in the audit record


class ProgramError(FieldError):
    """A program cannot be changed so; the text is for the reader, `field` where it belongs."""


@transaction.atomic
def let_program_in(
    *, member: StaffMember, name: str, scopes: list[str], by: User, now: datetime
) -> Program:
    """Store a program that would act in `member`'s name; it does nothing until they agree.

    Who lets a program in never gets its secret: a clinic admin has no clinical rights, and
    would have them by it. Raises `ProgramError` for a scope beyond the person's rights, and
    for a name in use.
    """
    if not (member.is_active and member.user.is_active):
        raise ProgramError(
            "This person does not work here any more. Choose somebody else.", "member"
        )
    if too_much := beyond(member, scopes):
        raise ProgramError(
            f"{member.user.full_name} may not do this, so no program may in their name: "
            f"{'; '.join(too_much)}.",
            "scopes",
        )
    program = Program(
        clinic_id=member.clinic_id, name=name, scopes=sorted(scopes), member=member,
        created_by=by, created_at=now,
    )  # fmt: skip
    try:
        with transaction.atomic():
            program.save(force_insert=True)
    except IntegrityError as error:
        if "program_named_once" not in str(error):
            raise
        raise ProgramError("Your clinic has a program with this name already.", "name") from error
    write_down("program.let_in", program, by, now, scopes=program.scopes, member=str(member.pk))
    return program


@transaction.atomic
def agree_to_program(*, program: Program, by: User, now: datetime) -> str:
    """Return the new secret of a program that `by` lets act in their name; shown once.

    Agreeing again makes another secret; the one before and its tokens stop at once.
    Raises `ProgramError` when it was ended, or would act in somebody else's name.
    """
    program = lock(program)
    if program.member.user_id != by.pk:
        raise ProgramError("This program would act in somebody else's name.")
    if program.revoked_at is not None:
        raise ProgramError("This program was ended. Ask for a new one.")
    secret = new_token()
    program.agreed_at, program.secret_hash = now, hash_token(secret)
    program.save(update_fields=["agreed_at", "secret_hash"])
    AccessToken.objects.filter(program=program).delete()
    write_down("program.agreed", program, by, now)
    return secret


@transaction.atomic
def end_program(*, program: Program, by: User, now: datetime) -> Program:
    """Shut a program out from its next question on. Safe to repeat."""
    program = lock(program)
    if program.revoked_at is None:
        program.revoked_at, program.revoked_by = now, by
        program.save(update_fields=["revoked_at", "revoked_by"])
        AccessToken.objects.filter(program=program).delete()
        write_down("program.ended", program, by, now)
    return program


@transaction.atomic
def forget_secrets(*, programs: ProgramQuerySet, by: User, now: datetime) -> None:
    """End secrets and tokens of programs whose person's proofs or access ended.

    They wait for their person to agree anew, as when they were let in. Safe to repeat.
    """
    agreed = programs.exclude(agreed_at=None).order_by("pk")
    for program in agreed.select_for_update(of=("self",)).select_related("member__user"):
        program.agreed_at, program.secret_hash = None, ""
        program.save(update_fields=["agreed_at", "secret_hash"])
        AccessToken.objects.filter(program=program).delete()
        write_down("program.secret_ended", program, by, now)


def tokens_within_a_minute(program: Program, now: datetime) -> int:
    """Return how many tokens a program took in the last minute; each is a row on record."""
    recent = AccessToken.objects.filter(program=program, created_at__gt=now - timedelta(minutes=1))
    return recent.count()


@transaction.atomic
def forget_every_secret(now: datetime) -> int:
    """End the secret and the tokens of every program, as after a restore; return how many.

    Each waits for its person to agree anew: a secret that was replaced or ended would work again.
    """
    AccessToken.objects.all().delete()
    return Program.objects.exclude(agreed_at=None).update(agreed_at=None, secret_hash="")


@transaction.atomic
def give_token(*, program: Program, scopes: list[str], now: datetime) -> str:
    """Return a token for some of the program's scopes; only its hash is stored."""
    token = new_token()
    AccessToken.objects.filter(program=program, expires_at__lt=now - TOKENS_KEPT).delete()
    row = AccessToken.objects.create(
        program=program, token_hash=hash_token(token), scopes=scopes, created_at=now,
        expires_at=now + TOKEN_LIFETIME,
    )  # fmt: skip
    Program.objects.filter(pk=program.pk).update(last_token_at=now)
    write_down("program.token_given", program, program.member.user, now, token=row.pk)
    return token


def lock(program: Program) -> Program:
    """Return the program as it is now; others who change it wait."""
    rows = Program.objects.select_for_update(of=("self",)).select_related("member__user")
    return rows.get(pk=program.pk)


def write_down(event: str, program: Program, by: User, now: datetime, **details: Any) -> None:
    """Add the act to the clinic's record."""
    record(event, by=by, now=now, clinic_id=program.clinic_id, obj=program, **details)
