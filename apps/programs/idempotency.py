"""A program that heard no answer asks again with the same key, and is answered as at first.

The answer is kept in the transaction of the act, so that no crash parts them. Refusals are not
kept: they changed nothing, and what was wrong may be right the next time.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from apps.accounts.tokens import hash_token
from apps.programs.access import program_of
from apps.programs.models import KeptAnswer
from apps.programs.problems import ProblemError

KEPT_FOR: Final = timedelta(hours=24)
REPLAYED: Final = "Idempotent-Replayed"


@transaction.atomic
def once(
    request: HttpRequest, key: str, work: Callable[[], tuple[int, str]], now: datetime
) -> HttpResponse:
    """Do `work`, which returns status and JSON, unless it was done under this key already.

    The same key with another question raises `ProblemError` 422. Two at once wait for each
    other: the second hears what the first was answered.
    """
    program, asked = program_of(request), asked_hash(request)
    KeptAnswer.objects.filter(program=program, at__lte=now - KEPT_FOR).delete()
    row = KeptAnswer(program=program, key_hash=hash_token(key), asked_hash=asked, at=now)
    KeptAnswer.objects.bulk_create([row], ignore_conflicts=True)
    kept = KeptAnswer.objects.select_for_update().get(program=program, key_hash=row.key_hash)
    if kept.asked_hash != asked:
        raise ProblemError(
            422, "idempotency-key-used",
            "This Idempotency-Key was used for another question. Make a new key for each act.",
        )  # fmt: skip
    if kept.status is not None:
        return answer(kept.status, kept.body, {REPLAYED: "true"})
    kept.status, kept.body = work()
    kept.save(update_fields=["status", "body"])
    return answer(kept.status, kept.body, {})


def asked_hash(request: HttpRequest) -> str:
    """Return what stands for the question: method, address and body."""
    address = f"{request.method} {request.get_full_path()}\n"
    return sha256(address.encode() + request.body).hexdigest()


def answer(status: int, body: str, headers: dict[str, str]) -> HttpResponse:
    """Return the JSON that was kept."""
    return HttpResponse(body, status=status, content_type="application/json", headers=headers)


def forget_answers(now: datetime) -> int:
    """Remove answers whose time is over, also of programs that ask no more; safe to repeat."""
    return KeptAnswer.objects.filter(at__lte=now - KEPT_FOR).delete()[0]
