"""Supply: what is left of each product by the plan in force, and the writes of dispensings."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.audit.actions import record
from apps.clinical.supply import Received, Use, covers_step, stock_of
from apps.patients.errors import FieldError
from apps.patients.models import Patient
from apps.tapers.earlier import steps_left
from apps.tapers.models import Dispensing, PlanVersion, RunOut, TaperPlan, TaperStep
from apps.tapers.today import Today, midnight, plan_today


class DispensingError(FieldError):
    """What no dispensing can be; the text is for the reader."""


@dataclass(frozen=True, slots=True)
class SupplyLine:
    """One product: what is left, when it is gone, when more comes."""

    product: str
    left: Decimal
    run_out_on: date | None
    next_pickup_on: date | None
    days_left: int | None
    covers: bool
    is_used: bool
    last: Dispensing | None

    @property
    def is_short(self) -> bool:
        """Whether it runs out before more is picked up."""
        if self.run_out_on is None:
            return False
        return self.next_pickup_on is None or self.run_out_on < self.next_pickup_on


def supply_of(patient: Patient, now: datetime) -> list[SupplyLine]:
    """Return a line per product that was handed out or the plan needs, soonest gone first.

    Computed from the plan's own step rows and the records nobody corrected. Without an
    active plan, or before the first record, there is nothing to compute.
    """
    state = plan_today(patient, now, pieces=True)
    rows = list(patient.dispensings.effective())
    if state is None or not rows:
        return []
    uses, before = uses_of(state), used_before(state, min(row.dispensed_on for row in rows))
    names = dict.fromkeys([*uses, *(row.product for row in rows)])
    lines = [
        line_of(name, [*before.get(name, []), *uses.get(name, [])], rows, state) for name in names
    ]
    return sorted(lines, key=lambda line: (line.run_out_on or date.max, line.product))


@dataclass(frozen=True, slots=True)
class UncountedStay:
    """A stay in hospital since which nobody knows what is left of some products at home."""

    left_on: date
    products: list[str]


def uncounted_stay(patient: Patient, lines: Iterable[SupplyLine]) -> UncountedStay | None:
    """Return the last stay in hospital after which a product was not handed out again, if any.

    What was used or taken away meanwhile is written down nowhere. It counts as used, so
    that no run-out is told too late; people are told that it has to be counted.
    """
    moved = Q(status=TaperPlan.Status.INPATIENT) | Q(versions__kind=PlanVersion.Kind.INPATIENT)
    stays = TaperPlan.objects.filter(moved, patient=patient, left_at__isnull=False)
    stay, back = stays.order_by("-left_at").first(), patient.plans.active().first()
    if stay is None or stay.left_at is None or back is None or back.activated_at is None:
        return None
    back_on = back.activated_at.astimezone(patient.tz).date()
    products = [line.product for line in lines if line.last and line.last.dispensed_on < back_on]
    return UncountedStay(stay.left_at.astimezone(patient.tz).date(), products) if products else None


def uses_of(state: Today) -> dict[str, list[Use]]:
    """Return what the plan uses a day of each product, step by step.

    While the next reduction is locked the present dose goes on without an end: so long
    supply has to last.
    """
    found: dict[str, list[Use]] = {}
    for step in state.steps:
        is_now = state.step is not None and step.number == state.step.number
        if state.is_locked and state.step is not None and step.number > state.step.number:
            break
        end = None if is_now and state.is_locked else step.end_on
        add_uses(found, step, step.start_on, end)
    return found


def used_before(state: Today, since: date) -> dict[str, list[Use]]:
    """Return what was used a day from `since` until the plan in force began.

    By the plans that were left meanwhile; after them, and without one, the first step is
    the dose that was taken already. Told so the stock is never more than what is there.
    """
    found: dict[str, list[Use]] = {}
    first = state.steps[0]
    until, begin = first.start_on - timedelta(days=1), since
    for step, last_on in steps_left(state.plan.patient, since):
        add_uses(found, step, step.start_on, min(last_on, until))
        begin = max(begin, last_on + timedelta(days=1))
    add_uses(found, first, begin, until)
    return found


def add_uses(found: dict[str, list[Use]], step: TaperStep, start: date, end: date | None) -> None:
    """Add what a step uses a day of each product, for the days from `start` to `end`."""
    amounts: dict[str, Decimal] = {}
    for piece in step.pieces.all():
        amounts[piece.product] = amounts.get(piece.product, Decimal(0)) + piece.quantity
    for product, quantity in amounts.items():
        found.setdefault(product, []).append(Use(start, end, quantity))


def line_of(product: str, uses: list[Use], rows: Iterable[Dispensing], state: Today) -> SupplyLine:
    """Return the line of one product."""
    own = [row for row in rows if row.product == product]
    received = [Received(row.dispensed_on, row.quantity) for row in own]
    stock = stock_of(received, uses, state.day)
    pickups = [row.next_pickup_on for row in own if row.next_pickup_on >= state.day]
    days = None if stock.run_out_on is None else (stock.run_out_on - state.day).days
    end = state.step.end_on if state.step else None
    return SupplyLine(
        product=product,
        left=stock.left,
        run_out_on=stock.run_out_on,
        next_pickup_on=min(pickups, default=None),
        days_left=days,
        covers=not uses or covers_step(stock.run_out_on, end),
        is_used=any(use.end_on is None or use.end_on >= state.day for use in uses),
        last=own[0] if own else None,
    )


@transaction.atomic
def store_dispensing(
    *, patient: Patient, submission_id: UUID, product: str, quantity: Decimal, dispensed_on: date,
    days: int, next_pickup_on: date | None, note: str, corrects: Dispensing | None,
    by: User, now: datetime,
) -> Dispensing:  # fmt: skip
    """Store what was handed out, or a correction of it, and set the patient's supply clocks.

    Row, clocks and audit row together or not at all; the same `submission_id` again is
    the first one. Raises `DispensingError` with the field that is wrong.
    """
    patient = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    existing = Dispensing.objects.filter(submission_id=submission_id, patient=patient).first()
    if existing is not None:
        return existing
    check_dispensing(patient, dispensed_on, next_pickup_on, corrects, now)
    row = Dispensing.objects.create(
        clinic_id=patient.clinic_id, patient=patient, submission_id=submission_id, product=product,
        quantity=quantity, dispensed_on=dispensed_on, days=days, note=note, corrects=corrects,
        next_pickup_on=next_pickup_on or dispensed_on + timedelta(days=days),
        recorded_at=now, recorded_by=by,
    )  # fmt: skip
    set_run_outs(patient, now)
    record(
        "supply.corrected" if corrects else "supply.dispensed", by=by, now=now,
        clinic_id=patient.clinic_id, patient_id=patient.pk, obj=row, days=days,
    )  # fmt: skip
    return row


def check_dispensing(
    patient: Patient, dispensed_on: date, next_pickup_on: date | None,
    corrects: Dispensing | None, now: datetime,
) -> None:  # fmt: skip
    """Raise `DispensingError` for dates that cannot be, and a record corrected already."""
    if dispensed_on > now.astimezone(patient.tz).date():
        raise DispensingError("Nothing can have been handed out in the future.", "dispensed_on")
    if dispensed_on < patient.birth_date:
        raise DispensingError("This day is before the patient was born.", "dispensed_on")
    if next_pickup_on is not None and next_pickup_on < dispensed_on:
        raise DispensingError("The next pick-up comes after this one.", "next_pickup_on")
    if corrects is not None and Dispensing.objects.filter(corrects=corrects).exists():
        raise DispensingError("Somebody has corrected this record already.", "quantity")


def set_run_outs(patient: Patient, now: datetime) -> list[SupplyLine]:
    """Set the patient's supply clocks from what is known now; return the lines.

    Part of the caller's transaction, safe to repeat. Nobody who is away or has no plan
    keeps a clock.
    """
    followed = patient.status == Patient.Status.ACTIVE
    lines = supply_of(patient, now) if followed else []
    patient.run_outs.exclude(product__in=[line.product for line in lines]).delete()
    tomorrow = now.astimezone(patient.tz).date() + timedelta(days=1)
    for line in lines:
        RunOut.objects.update_or_create(
            patient=patient, product=line.product,
            defaults={
                "clinic_id": patient.clinic_id, "left": line.left, "run_out_on": line.run_out_on,
                "next_pickup_on": line.next_pickup_on,
                "next_look_at": midnight(tomorrow, patient.tz),
            },
        )  # fmt: skip
    return lines


def renewals_of(patient: Patient, lines: Sequence[SupplyLine], day: date) -> list[date]:
    """Return the days on which medicine was handed out, and the next on which it has to be.

    Those are the pick-ups arranged for what the plan uses and the days on which it runs
    out; a product with no record that is needed already has a record missing, not a
    renewal to come.
    """
    rows = patient.dispensings.effective().filter(quantity__gt=0)
    days = [row.dispensed_on for row in rows]
    if not lines:
        return days + [row.next_pickup_on for row in rows if row.next_pickup_on >= day]
    used = [line for line in lines if line.is_used and (line.last or line.run_out_on != day)]
    return days + [on for line in used for on in (line.run_out_on, line.next_pickup_on) if on]


def look_again(plan: TaperPlan, now: datetime) -> None:
    """Let the clock look at a plan's supply at once: another dose may be in force."""
    RunOut.objects.filter(patient_id=plan.patient_id).update(next_look_at=now)
