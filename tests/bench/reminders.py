"""What one sweep of the reminders costs in a big installation: planned, and nobody due."""

import os
import time
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from apps.checkins.models import CheckInSchedule, Reminder
from apps.checkins.reminder_actions import plan_window
from apps.checkins.reminder_sweep import sweep_reminders
from apps.patients.models import Patient
from tests.alerts.test_growth import copy_rows
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, share
from tests.factories import make_patient
from tests.faults.trials import hire

FEW, MANY = 1_000, int(os.environ.get("BENCH_PATIENTS", "100000"))
SWEEPS = 60
# A patient's id ends in their number, and so do their schedule and their window.
NUMBERED = "('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid"


def fill(patient: Patient, first: int, last: int) -> None:
    """Store patients like this one, each with a window that waits, quickly."""
    numbers = f"generate_series({first}, {last}) n WHERE a.{{}} = %(patient)s"
    own: dict[Any, dict[str, str]] = {
        Patient: {"id": NUMBERED, "reference": "'P' || n"},
        CheckInSchedule: {"patient_id": NUMBERED},
        Reminder: {"id": NUMBERED, "patient_id": NUMBERED},
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for model, changed in own.items():
            key = "id" if model is Patient else "patient_id"
            source = f"{model._meta.db_table} a, {numbers.format(key)}"
            cursor.execute(copy_rows(model, changed, source), {"patient": patient.pk})
    with connection.cursor() as cursor:
        for model in own:
            cursor.execute(f"VACUUM ANALYZE {model._meta.db_table}")


def sweep_times() -> list[float]:
    """Return the milliseconds of sweeps that go once through every patient, and then some."""
    times = []
    for _ in range(SWEEPS):
        begun = time.perf_counter()
        sweep_reminders(timezone.now())
        times.append((time.perf_counter() - begun) * 1000)
    return times


@measures("reminder_sweep")
def reminder_sweep(stage: Stage) -> list[Figure]:
    """Measure a sweep that finds nothing to move, at a thousand and at 100,000 patients."""
    patient = make_patient(hire(0).nurse.clinic, now=timezone.now(), email="p@home.example")
    CheckInSchedule.objects.create(patient=patient, started_at=timezone.now())
    plan_window(patient.pk, timezone.now())
    fill(patient, 1, FEW)
    sweep_times()
    few = sweep_times()
    fill(patient, FEW + 1, MANY)
    sweep_times()
    many = sweep_times()
    conditions = (
        f"sweep with nobody due: p50 {share(few, 0.5):.2f} ms at {FEW:,} patients, "
        f"{share(many, 0.5):.2f} ms at {MANY:,}; longest {max(few):.2f} and {max(many):.2f} ms; "
        f"{machine()}"
    )
    return [Figure("reminder_sweep", share(many, 0.95), "ms", 200, 50, False, conditions)]
