"""A risk-benefit review and the task it ends: both or neither."""

from datetime import date, datetime

from django.db import transaction

from apps.accounts.models import User
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.patients import review_actions
from apps.patients.models import Patient, ReviewClock, RiskBenefitReview
from apps.patients.review_actions import set_renewal
from apps.tapers.supply_actions import renewals_of, supply_of


@transaction.atomic
def record_review(
    *, patient: Patient, reviewed_on: date, outcome: str, note: str, next_due_on: date | None,
    pdmp_checked: bool, by: User, now: datetime,
) -> RiskBenefitReview:  # fmt: skip
    """Store a review, set the next clock and close the task that asked for it.

    All or nothing; twice is once. Raises `ReviewDateError` with the field that is wrong.
    """
    review = review_actions.record_review(
        patient=patient, reviewed_on=reviewed_on, outcome=outcome, note=note,
        next_due_on=next_due_on, pdmp_checked=pdmp_checked, by=by, now=now,
    )  # fmt: skip
    day = now.astimezone(patient.tz).date()
    set_renewal(patient, renewals_of(patient, supply_of(patient, now), day))
    if ReviewClock.objects.get(patient=patient).owed_on > day:
        overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.REVIEW, by=by, now=now)
    return review
