"""Writes of what is only kept: calm answers that came too late, or by a link used too often.

They are in the record as the patient gave them, and nothing else comes of them (ADR 88).
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from apps.audit.actions import record
from apps.checkins.actions import NotInTimeError, Submission, row_of, under_further_id
from apps.checkins.assessment import assessment_of, not_asked_of
from apps.checkins.link_actions import honest_time
from apps.checkins.models import CheckIn, CheckInLink, TriageResult
from apps.checkins.reminder_actions import lock_patient
from apps.clinical.triage import Level, TaperAction, Triage, assess
from apps.patients.models import Patient

# [proposal] Of one patient in a day, by any links: a stranger with an old mail fills no record.
KEPT_A_DAY: Final = 10
DAY: Final = timedelta(days=1)


class KeptEnoughError(NotInTimeError):
    """Calm answers that would only be kept, and too many such were kept in the last day.

    `again_at` is when the first of those is a day old, and one more is kept.
    """

    def __init__(self, again_at: datetime) -> None:
        super().__init__()
        self.again_at = again_at


def keep_by_link(
    *, link: CheckInLink, sent: Submission, refusal: NotInTimeError, now: datetime
) -> CheckIn:
    """Keep what `submit_by_link` refused for its link; the link itself is not touched.

    Part of the block of `answering`. Raises `KeptEnoughError` where too much was kept today.
    """
    felt_at = honest_time(sent, link, now)
    return keep_as_given(
        patient=link.patient, sent=sent, felt_at=felt_at, refusal=refusal, by=str(link.pk), now=now
    )


@transaction.atomic
def keep_as_given(
    *, patient: Patient, sent: Submission, felt_at: datetime, refusal: NotInTimeError, by: str,
    now: datetime,
) -> CheckIn:  # fmt: skip
    """Store calm answers that were refused as what they are: read by people, judged by nothing.

    No alert, task, hold, trend, clock, window or gate knows of the row, and no correction is made
    by it. Check-in, result and audit row are saved together. `by` says what brought them: sending
    the same words again by it under the same id returns the first row. Raises
    `KeptEnoughError`, with nothing written, where `KEPT_A_DAY` came of the patient in the last day.
    """
    patient = lock_patient(patient.pk)
    sent = under_further_id(sent, f"kept {by}")
    own = CheckIn.as_given.filter(patient=patient)
    if stored := own.filter(submission_id=sent.submission_id).select_related("triage").first():
        stored.patient = patient
        return stored
    kept = own.filter(counts=False).order_by("-received_at").values_list("received_at", flat=True)
    first_of_them = next(iter(kept[KEPT_A_DAY - 1 : KEPT_A_DAY]), None)
    if first_of_them is not None and first_of_them > now - DAY:
        raise KeptEnoughError(first_of_them + DAY)
    known = assessment_of(patient, now, felt_at)
    left_out = not_asked_of(patient, known.context)
    check_in = row_of(patient, sent, felt_at, now, left_out, refusal, counts=False)
    check_in.save(force_insert=True)
    result = told_nobody(assess(sent.answers, known.profile, known.context))
    TriageResult.objects.create(check_in=check_in, **result.as_dict())
    record(
        "check_in.kept", by=None, now=now, clinic_id=check_in.clinic_id,
        patient_id=check_in.patient_id, obj=check_in, arrival=check_in.arrival,
    )  # fmt: skip
    return check_in


def told_nobody(result: Triage) -> Triage:
    """Return the result with its score and without what the record alone fired: nobody was told."""
    return replace(
        result, level=Level.NONE, fired=(), taper_action=TaperAction.NONE, minutes=None,
        text_keys=(),
    )  # fmt: skip
