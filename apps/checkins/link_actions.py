"""Writes of check-in links: made, revoked, and used up by what a patient sends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.crypto import salted_hmac

from apps.accounts.models import User
from apps.accounts.tokens import hash_token, new_token
from apps.audit.actions import record
from apps.checkins.actions import (
    IdTakenError,
    NotInTimeError,
    Submission,
    is_same,
    store_check_in,
    under_further_id,
)
from apps.checkins.models import CheckIn, CheckInLink, Reminder
from apps.checkins.windows import weekly_is_due
from apps.database.scope import enter_clinic, every_clinic
from apps.database.statements import Change, Read
from apps.patients.models import Patient

LINK_LIFETIME: Final = timedelta(hours=48)  # [proposal]
# [proposal] Calm corrections by one link; what triage finds is never refused for its number.
CORRECTIONS: Final = 20
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
        .select_for_update(no_key=True, of=("patient", "self"))
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


class LinkUsedError(NotInTimeError):
    """The link has served for another check-in already."""

    arrival = CheckIn.Arrival.USED


class LinkExpiredError(NotInTimeError):
    """The answers were given after the link's time."""

    arrival = CheckIn.Arrival.ENDED


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


@transaction.atomic
def revoke_every_link(now: datetime) -> int:
    """Kill every check-in link that may still work, where an operator asks for it at a restore."""
    return CheckInLink.objects.not_revoked().filter(expires_at__gt=now).update(revoked_at=now)


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
    and for corrections. Sending the same words again by it under the same id returns the
    first check-in; all else under a known id is stored under one of its own.
    Raises `LinkUsedError` when the part has served too often, and `LinkExpiredError` when it
    was answered after the link's time; nothing is written then. Neither is raised for what a
    rule of triage finds: that is stored, judged and alerted, however late (ADR 75).
    """
    known = stored_by(link, sent.submission_id) if link.submission_id else {}
    # What the link never offered leaves no mark on it: its id tells that it came by it.
    is_renamed = part_for(link, part) == PART_WEEKLY and why_used(link, part) is not None
    if is_renamed:
        sent = under_further_id(sent, str(link.pk))
    while True:
        if sent.submission_id not in known:
            try:
                return use_link(link, sent, known, part, now)
            except IdTakenError:  # by what came another way, or without a mark
                known = stored_by(link, sent.submission_id)
        existing = known[sent.submission_id]
        if is_same(existing, sent) and (is_renamed or came_by(link, existing, known)):
            existing.patient = link.patient
            return existing
        sent, is_renamed = under_further_id(sent, str(link.pk)), True
        known = stored_by(link, sent.submission_id)


def came_by(link: CheckInLink, stored: CheckIn, known: Mapping[UUID, CheckIn]) -> bool:
    """Answer whether a check-in was sent by this link; a retry comes by the same one.

    Tomorrow's link may bring today's id with today's words: a form that an old phone kept.
    """
    ids = (link.submission_id, link.weekly_submission_id)
    own = {row.pk for key, row in known.items() if key in ids}
    return stored.pk in own or stored.corrects_id in own


def use_link(
    link: CheckInLink, sent: Submission, known: Mapping[UUID, CheckIn], part: str, now: datetime
) -> CheckIn:
    """Store a check-in with a new id and use the link's part up.

    Raises `IdTakenError` when a check-in of the patient has this id, and what
    `submit_by_link` raises.
    """
    felt_at = honest_time(sent, link, now)
    part = part_for(link, part)
    late, used = why_late(link, sent, felt_at, now), why_used(link, part)
    corrects = corrected(link, sent, known) if part == PART_CORRECTION else None
    check_in = store_check_in(
        link.patient, sent, felt_at, now, corrects, refusal=late or used, folds=used is not None
    )  # fmt: skip
    if part == PART_FIRST:
        link.used_at, link.submission_id = now, sent.submission_id
    elif part == PART_WEEKLY and used is None:
        link.weekly_submission_id = sent.submission_id
    USE_LINK.run_later(
        key=link.pk, used_at=link.used_at, submission_id=link.submission_id,
        weekly=link.weekly_submission_id,
    )  # fmt: skip
    return check_in


def corrected(link: CheckInLink, sent: Submission, known: Mapping[UUID, CheckIn]) -> CheckIn | None:
    """Return the link's own check-in with the same questions, which these answers correct."""
    is_weekly = sent.questionnaire.kind == "weekly"
    first = link.weekly_submission_id if is_weekly else link.submission_id
    return known.get(first) if first else None


def stored_by(link: CheckInLink, submission_id: UUID) -> Mapping[UUID, CheckIn]:
    """Return the check-ins of the link's patient stored under this id, or by this link."""
    own = (submission_id, link.submission_id, link.weekly_submission_id)
    ids = [key for key in own if key]
    rows = CheckIn.as_given.filter(patient_id=link.patient_id, submission_id__in=ids)
    return {row.submission_id: row for row in rows.select_related("triage")}


def check_part_is_free(link: CheckInLink, part: str) -> None:
    """Raise `LinkUsedError` unless this part of the link may still take a check-in."""
    if error := why_used(link, part):
        raise error


def why_used(link: CheckInLink, part: str) -> LinkUsedError | None:
    """Return the error of a part that takes no more check-ins, None of one that does."""
    if part == PART_FIRST:
        taken = link.used_at is not None
    elif part == PART_WEEKLY:
        taken = bool(link.weekly_submission_id or not link.with_weekly or link.used_at is None)
    else:
        own = [key for key in (link.submission_id, link.weekly_submission_id) if key]
        again = CheckIn.objects.filter(patient_id=link.patient_id, corrects__submission_id__in=own)
        taken = link.used_at is None or again.count() >= CORRECTIONS
    return LinkUsedError("This check-in was sent already.") if taken else None


def part_for(link: CheckInLink, part: str) -> str:
    """Return what answers count as: those by a part that was used correct the first ones.

    A phone without network answers yesterday's page again, or two phones share a link: what
    they send is kept and judged like any check-in. A correction of nothing is the first one.
    """
    if link.used_at is None:
        return PART_FIRST if part == PART_CORRECTION else part
    if part == PART_FIRST or (part == PART_WEEKLY and link.weekly_submission_id):
        return PART_CORRECTION
    return part


def why_late(
    link: CheckInLink, sent: Submission, felt_at: datetime, now: datetime
) -> LinkExpiredError | None:
    """Return the error of answers given after the link's time, or kept for too long."""
    in_time = now < link.expires_at + SEND_GRACE
    kept = sent.reported_at is not None and felt_at < link.expires_at
    if in_time or (kept and now < link.expires_at + KEPT_AT_MOST):
        return None
    return LinkExpiredError("This link is too old.")


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
        with suppress(OverflowError):  # a clock thousands of years off says nothing
            guesses.insert(0, now - (sent.sent_at - sent.reported_at))
    return next((guess for guess in guesses if link.created_at <= guess <= now), now)
