"""Writes of check-in links: made, revoked, and used up by what a patient sends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction
from django.utils.crypto import salted_hmac

from apps.accounts.models import User
from apps.accounts.tokens import hash_token, new_token
from apps.audit.actions import record
from apps.checkins.actions import IdTakenError, Submission, store_check_in
from apps.checkins.models import CheckIn, CheckInLink, Reminder
from apps.checkins.windows import weekly_is_due
from apps.database.scope import enter_clinic, every_clinic
from apps.database.statements import Change, Read
from apps.patients.models import Patient

LINK_LIFETIME: Final = timedelta(hours=48)  # [proposal]
CORRECTIONS: Final = 3  # [proposal] by one link
# [proposal] A page opened in time may be sent a little late by a browser that says nothing of
# its clock, and much later by one that kept the answers until its network came back.
SEND_GRACE: Final = timedelta(hours=12)
KEPT_AT_MOST: Final = timedelta(days=14)
PART_FIRST: Final = "first"
PART_WEEKLY: Final = "weekly"
PART_CORRECTION: Final = "correction"

# The link with all that a check-in by it needs to know of its patient. Both rows are locked, the
# patient's first, as everywhere: whoever waited for them gets them as they are then.
LOCKED_LINK = Read[CheckInLink](
    lambda token_hash: (
        CheckInLink.objects.not_revoked()
        .select_for_update(of=("patient", "self"))
        .select_related("clinic", "patient__medication", "patient__risk", "patient__review_clock")
        .filter(token_hash=token_hash)
    ),
    token_hash=str,
)
USE_LINK = Change(
    lambda key, used_at, submission_id, weekly: (
        CheckInLink.objects.filter(pk=key),
        {"used_at": used_at, "submission_id": submission_id, "weekly_submission_id": weekly},
    ),
    key=UUID, used_at=datetime, submission_id=UUID, weekly=UUID,
)  # fmt: skip


class LinkUsedError(ValueError):
    """The link has served for another check-in already."""


class LinkExpiredError(ValueError):
    """The answers were given after the link's time."""


@transaction.atomic
def create_link(*, patient: Patient, by: User | None, now: datetime) -> str:
    """Return the token of a new link for one check-in; only its hash is stored."""
    token = new_token()
    link = CheckInLink.objects.create(
        clinic_id=patient.clinic_id,
        patient=patient,
        token_hash=hash_token(token),
        created_at=now,
        created_by=by,
        expires_at=now + LINK_LIFETIME,
        with_weekly=weekly_is_due(patient, now),
    )
    record(
        "check_in_link.created", by=by, now=now, clinic_id=patient.clinic_id,
        patient_id=patient.pk, obj=link,
    )  # fmt: skip
    return token


@transaction.atomic
def link_for(live: Reminder, now: datetime) -> str:
    """Return the token of the link that every mail of a due window carries.

    Worked out from the window's id and the installation's secret, so that a second
    attempt and the second mail need not know the first: the table holds only the hash.
    """
    # After a lost phone the same window gets another link: the old one stays dead.
    revoked = CheckInLink.objects.filter(patient_id=live.patient_id, revoked_at__isnull=False)
    lost = revoked.filter(revoked_at__gte=live.created_at).count()
    key = f"{live.pk}.{lost}" if lost else str(live.pk)
    token = salted_hmac("checkins.reminder", key, algorithm="sha256").hexdigest()
    link, is_new = CheckInLink.objects.get_or_create(
        token_hash=hash_token(token),
        defaults={
            "clinic_id": live.clinic_id,
            "patient_id": live.patient_id,
            "created_at": now,
            "expires_at": max(live.closes_at, now + LINK_LIFETIME),
            "with_weekly": live.kind == Reminder.Kind.WEEKLY,
        },
    )
    if is_new:
        record(
            "check_in_link.created", by=None, now=now, clinic_id=live.clinic_id,
            patient_id=live.patient_id, obj=link,
        )  # fmt: skip
    return token


def revoke_links(patient: Patient, now: datetime) -> int:
    """Kill every check-in link of a patient, open pages included; part of the caller's act.

    Returns how many could still have taken an answer.
    """
    links = CheckInLink.objects.not_revoked().filter(patient=patient)
    return links.update(revoked_at=now)


@contextmanager
def answering(token: str) -> Iterator[CheckInLink | None]:
    """Give the block the link that works, locked with its patient; None for any other token.

    The block is one transaction, in the link's clinic. `submit_by_link` is for it alone.
    """
    with transaction.atomic():
        with every_clinic():
            link = LOCKED_LINK.first(token_hash=hash_token(token))
        if link is not None:
            enter_clinic(link.clinic_id)
        yield link


def submit_by_link(
    *,
    link: CheckInLink,
    sent: Submission,
    now: datetime,
    part: str = PART_FIRST,
) -> CheckIn:
    """Use the `part` of a link up and store the check-in; both or neither.

    Part of the block of `answering`, which holds the link and its patient.
    A link serves for one daily check-in, where it says so for one weekly one after it,
    and for a few corrections. Sending the same submission again returns the first
    check-in. Raises `LinkUsedError` when the part has served for another one, and
    `LinkExpiredError` when it was answered after the link's time; nothing is written then.
    """
    known = stored_by(link, sent.submission_id) if link.submission_id else {}
    if sent.submission_id not in known:
        try:
            return use_link(link, sent, known, part, now)
        except IdTakenError:  # by what came another way than by this link
            known = stored_by(link, sent.submission_id)
    existing = known[sent.submission_id]
    if existing.questionnaire == sent.questionnaire.kind:
        existing.patient = link.patient
        return existing
    # An id that another check-in has: this one gets one of its own, always the same.
    key = uuid5(link.pk, f"{sent.questionnaire.kind}.{sent.submission_id}")
    return submit_by_link(link=link, sent=replace(sent, submission_id=key), now=now, part=part)


def use_link(
    link: CheckInLink, sent: Submission, known: Mapping[UUID, CheckIn], part: str, now: datetime
) -> CheckIn:
    """Store a check-in with a new id and use the link's part up.

    Raises `IdTakenError` when a check-in of the patient has this id, and what
    `submit_by_link` raises.
    """
    felt_at = honest_time(sent, link, now)
    check_is_in_time(link, sent, felt_at, now)
    part = part_for(link, part, sent.submission_id)
    check_part_is_free(link, part)
    corrects = known[link.submission_id] if part == PART_CORRECTION and link.submission_id else None
    check_in = store_check_in(link.patient, sent, felt_at, now, corrects)
    if part == PART_FIRST:
        link.used_at, link.submission_id = now, sent.submission_id
    elif part == PART_WEEKLY:
        link.weekly_submission_id = sent.submission_id
    USE_LINK.run(
        key=link.pk, used_at=link.used_at, submission_id=link.submission_id,
        weekly=link.weekly_submission_id,
    )  # fmt: skip
    return check_in


def stored_by(link: CheckInLink, submission_id: UUID) -> Mapping[UUID, CheckIn]:
    """Return the check-ins of the link's patient stored under this id, or by this link."""
    ids = [key for key in (submission_id, link.submission_id) if key]
    rows = CheckIn.objects.filter(patient_id=link.patient_id, submission_id__in=ids)
    return {row.submission_id: row for row in rows.select_related("triage")}


def check_part_is_free(link: CheckInLink, part: str) -> None:
    """Raise `LinkUsedError` unless this part of the link may still take a check-in."""
    if part == PART_FIRST:
        taken = link.used_at is not None
    elif part == PART_WEEKLY:
        taken = bool(link.weekly_submission_id or not link.with_weekly or link.used_at is None)
    else:
        own = {"patient_id": link.patient_id, "corrects__submission_id": link.submission_id}
        again = CheckIn.objects.filter(**own)
        taken = link.used_at is None or again.count() >= CORRECTIONS
    if taken:
        raise LinkUsedError("This check-in was sent already.")


def part_for(link: CheckInLink, part: str, submission_id: UUID) -> str:
    """Return what a submission counts as: daily answers by a used link correct the first ones.

    A phone without network answers yesterday's page again, or two phones share a link:
    what they send is kept and judged like any check-in.
    """
    used = link.used_at is not None and link.submission_id != submission_id
    return PART_CORRECTION if part == PART_FIRST and used else part


def check_is_in_time(link: CheckInLink, sent: Submission, felt_at: datetime, now: datetime) -> None:
    """Raise `LinkExpiredError` for answers given after the link's time, or kept for too long."""
    in_time = now < link.expires_at + SEND_GRACE
    kept = sent.reported_at is not None and felt_at < link.expires_at
    if not in_time and not (kept and now < link.expires_at + KEPT_AT_MOST):
        raise LinkExpiredError("This link is too old.")


def honest_time(sent: Submission, link: CheckInLink, now: datetime) -> datetime:
    """Return when the patient answered: by how long the device says that it kept the answers.

    Both moments are of the same clock, so one that is set to last year does no harm. Where
    that cannot be (before the link was made, or in the future) the device's own time counts
    if it can be right, and else the time of arrival.
    """
    if sent.reported_at is None:
        return now
    guesses = [sent.reported_at]
    if sent.sent_at is not None:
        guesses.insert(0, now - (sent.sent_at - sent.reported_at))
    return next((guess for guess in guesses if link.created_at <= guess <= now), now)
