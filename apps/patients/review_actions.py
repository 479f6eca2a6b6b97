"""Writes of risk-benefit reviews: what a review found, and when the next one is due."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.reviews import (
    ReviewInterval,
    next_review_on,
    renewal_to_review,
    review_interval,
)
from apps.patients.errors import FieldError
from apps.patients.models import (
    Clinic,
    Patient,
    PdmpCheck,
    ReviewClock,
    ReviewPolicy,
    RiskBenefitReview,
)


class ReviewDateError(FieldError):
    """A date no review can have; the text is for the reader."""


def interval_of(patient: Patient) -> ReviewInterval:
    """Return how often this patient is reviewed, and why if that is not the usual."""
    policy = ReviewPolicy.objects.filter(clinic_id=patient.clinic_id).first() or ReviewPolicy()
    risk = patient.risk
    return review_interval(
        risk.opioid_rx, risk.uses_substances,
        usual_days=policy.usual_days, strict_days=policy.strict_days,
    )  # fmt: skip


def set_review_clock(patient: Patient) -> ReviewClock:
    """Set when the next review is due; part of the caller's transaction, safe to repeat.

    Counted from the last review, before the first one from registration [proposal]: an
    intake weighs risks and benefits. A reviewer may have asked for an earlier day.
    """
    interval = interval_of(patient)
    last = patient.reviews.first()
    due = next_review_on(weighed_on(patient, last), interval)
    if last is not None:
        due = min(due, last.next_due_on)
    clock, _ = ReviewClock.objects.update_or_create(
        patient=patient,
        defaults={"clinic_id": patient.clinic_id, "due_on": due, "interval_days": interval.days},
    )
    return clock


def weighed_on(patient: Patient, last: RiskBenefitReview | None) -> date:
    """Return the day of the last review, before the first one that of registration."""
    if last is not None:
        return last.reviewed_on
    return patient.registered_at.astimezone(patient.tz).date()


def set_renewal(patient: Patient, renewals: Iterable[date]) -> None:
    """Set the first of these renewals that no review has weighed; part of the caller's act."""
    first = renewal_to_review(weighed_on(patient, patient.reviews.first()), renewals)
    clocks = ReviewClock.objects.filter(patient=patient)
    clocks.exclude(renewal_on=first).update(renewal_on=first)


@transaction.atomic
def record_review(
    *, patient: Patient, reviewed_on: date, outcome: str, note: str, next_due_on: date | None,
    pdmp_checked: bool, by: User, now: datetime,
) -> RiskBenefitReview:  # fmt: skip
    """Store a review and set the clock of the next one.

    Review, PDMP check, clock and audit row are saved together or not at all; the same
    review by the same person again is the first one. Raises `ReviewDateError` for a day
    in the future and a next review later than the guideline or the clinic allows.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    content: dict[str, Any] = {"outcome": outcome, "note": note, "pdmp_checked": pdmp_checked}
    same = patient.reviews.filter(reviewed_on=reviewed_on, recorded_by=by, **content).first()
    if same is not None:
        return same
    due = check_dates(patient, reviewed_on, next_due_on, now)
    review = RiskBenefitReview.objects.create(
        clinic_id=patient.clinic_id, patient=patient, reviewed_on=reviewed_on, next_due_on=due,
        recorded_at=now, recorded_by=by, **content,
    )  # fmt: skip
    if pdmp_checked:
        PdmpCheck.objects.create(
            patient=patient, checked_on=reviewed_on, checked_by=by, recorded_at=now, recorded_by=by
        )
    set_review_clock(patient)
    record(
        "review.recorded", by=by, now=now, clinic_id=patient.clinic_id, patient_id=patient.pk,
        obj=review, outcome=str(outcome), next_due_on=due.isoformat(),
    )  # fmt: skip
    return review


def check_dates(
    patient: Patient, reviewed_on: date, next_due_on: date | None, now: datetime
) -> date:
    """Return the day of the next review, the latest one allowed unless an earlier is asked."""
    today = now.astimezone(patient.tz).date()
    if reviewed_on > today:
        raise ReviewDateError("A review cannot have taken place in the future.", "reviewed_on")
    if reviewed_on < patient.birth_date:
        raise ReviewDateError("This day is before the patient was born.", "reviewed_on")
    interval = interval_of(patient)
    latest = next_review_on(reviewed_on, interval)
    due = next_due_on or latest
    if not reviewed_on < due <= latest:
        why = f" because the patient {' and '.join(interval.because)}" if interval.because else ""
        raise ReviewDateError(
            f"The next review is due within {interval.days} days{why}: by "
            f"{latest:%d %b %Y}, and after this one.",
            "next_due_on",
        )
    return due


@transaction.atomic
def set_review_policy(
    *, clinic: Clinic, usual_days: int, strict_days: int, by: User, now: datetime
) -> ReviewPolicy:
    """Set how often the clinic reviews, and every patient's clock with it.

    All or nothing; the same again changes nothing. Raises ClinicalError for an interval
    the guideline does not allow.
    """
    review_interval(False, False, usual_days=usual_days, strict_days=strict_days)
    policy, _ = ReviewPolicy.objects.select_for_update().get_or_create(clinic=clinic)
    if (policy.usual_days, policy.strict_days) == (usual_days, strict_days):
        return policy
    policy.usual_days, policy.strict_days = usual_days, strict_days
    policy.save()
    for patient in clinic.patients.select_related("risk").prefetch_related("reviews"):
        set_review_clock(patient)
    record(
        "review_policy.changed", by=by, now=now, clinic_id=clinic.pk, obj=clinic,
        usual_days=usual_days, strict_days=strict_days,
    )  # fmt: skip
    return policy
