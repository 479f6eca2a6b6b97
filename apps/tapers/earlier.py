"""What a patient took in the days before a plan: by an earlier plan, or by the intake.

A plan that ends, and a dose that is typed anew into the intake, must not hide a fall from
the pace check of the next plan. Reads only.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from apps.clinical.doses import plain
from apps.clinical.pace import WINDOW_DAYS
from apps.patients.models import Patient
from apps.tapers.models import TaperPlan, TaperStep


def with_doses_before(patient: Patient, request: dict[str, Any], day: date) -> dict[str, Any]:
    """Return the request with what was taken in the 14 days up to `day`, where that is known."""
    before = doses_before(patient, day)
    asked = {name: value for name, value in request.items() if name != "before"}
    return asked | {"before": before} if before else asked


def doses_before(patient: Patient, day: date) -> list[dict[str, Any]]:
    """Return each dose of another plan or of the intake's past with the last day it was taken.

    As the engine takes them, the oldest first; three queries at most.
    """
    since = day - timedelta(days=WINDOW_DAYS)
    found = [*of_plans(patient, since), *of_the_intake(patient, since)]
    return sorted(found, key=lambda each: str(each["last_on"]))


def of_plans(patient: Patient, since: date) -> Iterator[dict[str, Any]]:
    """Yield the doses that plans gave which were left since that day."""
    for row, last_on in steps_left(patient, since):
        if row.by_drug and last_on >= since:
            yield taken(row.by_drug, last_on)


def steps_left(patient: Patient, since: date) -> Iterator[tuple[TaperStep, date]]:
    """Yield each step taken of plans that were left since that day, with its last day."""
    plans = patient.plans.filter(activated_at__isnull=False, left_at__isnull=False).exclude(
        status=TaperPlan.Status.ACTIVE
    )
    for plan in plans.select_related("in_force").order_by("left_at"):
        if plan.left_at is None or plan.in_force is None:
            continue
        left_on = plan.left_at.astimezone(patient.tz).date()
        if left_on < since:
            continue
        steps = plan.in_force.steps.filter(number__lte=plan.begun_step, start_on__lte=left_on)
        rows = list(steps.prefetch_related("pieces"))
        ends = [*(row.start_on - timedelta(days=1) for row in rows[1:]), left_on]
        yield from zip(rows, ends, strict=True)


def of_the_intake(patient: Patient, since: date) -> Iterator[dict[str, Any]]:
    """Yield the doses that the intake said until it was changed, since that day.

    A value that was replaced on the day on which it was written was a slip, and no day's
    dose [proposal].
    """
    written_on = patient.registered_at.astimezone(patient.tz).date()
    for entry in patient.intake_entries.filter(taken_before__isnull=False).order_by("number"):
        changed_on = entry.saved_at.astimezone(patient.tz).date()
        last_on = changed_on - timedelta(days=1)
        if written_on <= last_on and last_on >= since:
            yield {"doses": entry.taken_before, "last_on": last_on.isoformat()}
        written_on = changed_on


def taken(by_drug: Any, last_on: date) -> dict[str, Any]:
    """Return one dose as the engine takes it."""
    doses = {drug: plain(mg) for drug, mg in by_drug.items()}
    return {"doses": doses, "last_on": last_on.isoformat()}
