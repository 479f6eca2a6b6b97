"""What one sweep costs with a million closed alerts behind it."""

import os
import time

from django.db import transaction
from django.utils import timezone

from apps.alerts.models import Alert
from apps.alerts.sweep import STRANDED_AFTER, sweep
from tests.alerts.test_growth import add_alerts, explain
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, share
from tests.factories import SEIZURE, check_in, make_patient
from tests.faults.trials import hire

OLD_ALERTS = int(os.environ.get("BENCH_OLD_ALERTS", "1000000"))
SWEEPS = 40
OPEN = 50


def sweep_times() -> list[float]:
    """Return the milliseconds of many sweeps that find nothing to move."""
    times = []
    for _ in range(SWEEPS):
        begun = time.perf_counter()
        sweep(timezone.now())
        times.append((time.perf_counter() - begun) * 1000)
    return times


@measures("sweep_growth")
def sweep_growth(stage: Stage) -> list[Figure]:
    """Measure a sweep over 50 open alerts, before and after a million closed ones."""
    cast = hire(0)
    for _ in range(OPEN):
        patient = make_patient(cast.nurse.clinic, now=timezone.now())
        check_in(patient, SEIZURE, now=timezone.now())
    sweep_times()
    young = share(sweep_times(), 0.5)
    with transaction.atomic():
        add_alerts(Alert.objects.first(), cast.nurse, OLD_ALERTS)
    sweep_times()
    old = share(sweep_times(), 0.5)
    _, blocks = explain(Alert.objects.stranded(timezone.now(), STRANDED_AFTER))
    conditions = (
        f"median sweep over {OPEN} open alerts: {young:.2f} ms with none closed, {old:.2f} ms "
        f"with {OLD_ALERTS:,} closed; the invariant query reads {blocks} blocks; {machine()}"
    )
    return [Figure("sweep_growth", old / young, "ratio", 1.5, 1.1, False, conditions)]
