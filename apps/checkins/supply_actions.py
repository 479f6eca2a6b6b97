"""A dispensing with all that follows from it: clocks, the task it ends, the alert it calls for."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid5

from django.db import transaction

from apps.accounts.models import User
from apps.alerts.actions import open_alert
from apps.checkins.clock_tasks import END_OF_DAY, lock_followed, open_clock_task
from apps.checkins.models import CareTask
from apps.checkins.task_actions import overtake_tasks
from apps.clinical.supply import TASK_DAYS, URGENT_DAYS, supply_warning
from apps.patients.models import Patient
from apps.patients.review_actions import set_renewal
from apps.tapers.models import Dispensing, RunOut
from apps.tapers.supply_actions import SupplyLine, renewals_of, set_run_outs, store_dispensing

SOURCE_SUPPLY: Final = "supply"


@transaction.atomic
def record_dispensing(
    *, patient: Patient, submission_id: UUID, product: str, quantity: Decimal, dispensed_on: date,
    days: int, next_pickup_on: date | None, note: str, corrects: Dispensing | None,
    by: User, now: datetime,
) -> Dispensing:  # fmt: skip
    """Store a dispensing, close the task it answers, and warn at once when it is too little.

    All or nothing; twice is once. Raises `DispensingError` with the field that is wrong.
    """
    row = store_dispensing(
        patient=patient, submission_id=submission_id, product=product, quantity=quantity,
        dispensed_on=dispensed_on, days=days, next_pickup_on=next_pickup_on, note=note,
        corrects=corrects, by=by, now=now,
    )  # fmt: skip
    look_at_supply(patient.pk, now, by=by)
    return row


@transaction.atomic
def look_at_supply(patient_id: UUID, now: datetime, by: User | None = None) -> bool:
    """Set one patient's supply clocks, and open the task and the alert they call for.

    The next renewal calls for a review, too (ASAM-01).

    A task a week before a product is gone; task and alert at once where it is gone before
    the pick-up that is arranged, and from a week before where none is (W02, U03). Safe to
    repeat; patients who are away are left in peace.
    """
    patient = lock_followed(patient_id)
    if patient is None:
        RunOut.objects.filter(patient_id=patient_id).delete()
        return False
    lines = set_run_outs(patient, now)
    set_renewal(patient, renewals_of(patient, lines, now.astimezone(patient.tz).date()))
    wanting = [line for line in lines if needs_task(line)]
    if not wanting:
        overtake_tasks(patient_id=patient.pk, kind=CareTask.Kind.REFILL, by=by, now=now)
        return False
    opened = open_refill_task(patient, wanting[0], now)
    for line in wanting:
        opened |= warn(patient, line, now)
    return opened


def needs_task(line: SupplyLine) -> bool:
    """Answer whether somebody has to see to more of it."""
    if line.days_left is None:
        return False
    return line.days_left <= TASK_DAYS or (line.is_short and line.last is not None)


def open_refill_task(patient: Patient, line: SupplyLine, now: datetime) -> bool:
    """Open the task for the product that is gone first, due before it becomes urgent."""
    assert line.run_out_on is not None  # noqa: S101 - needs_task says so
    before = line.run_out_on - timedelta(days=URGENT_DAYS)
    due = datetime.combine(before, END_OF_DAY, tzinfo=patient.clinic.tz).astimezone(UTC)
    return open_clock_task(patient, CareTask.Kind.REFILL, source_of(patient, line), due, now)


def warn(patient: Patient, line: SupplyLine, now: datetime) -> bool:
    """Open the alert of a product that is gone before more comes; once per rule and record."""
    if line.days_left is None or not line.is_short:
        return False
    rule = supply_warning(line.days_left, is_before_pickup=line.next_pickup_on is not None)
    if rule is None:
        return False
    open_alert(
        patient=patient, level=rule.level.value, response_minutes=rule.minutes,
        rules=[rule.rule_id], source_type=SOURCE_SUPPLY,
        source_id=uuid5(source_of(patient, line), rule.rule_id), now=now,
    )  # fmt: skip
    return True


def source_of(patient: Patient, line: SupplyLine) -> UUID:
    """Return what a task and an alert of this line stand for: the product since its last record."""
    last = line.last.pk if line.last else "never"
    return uuid5(patient.pk, f"supply {line.product} {last}")
