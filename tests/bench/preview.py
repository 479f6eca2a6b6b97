"""How long the builder's live preview takes for a two-year plan: the whole request."""

import time

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.patients.models import Role
from tests.bench.registry import Figure, machine, measures
from tests.bench.stage import Stage, share
from tests.factories import make_clinic, make_member, make_patient, today

TURNS = 60


@measures("preview")
def measure_preview(stage: Stage) -> list[Figure]:
    """Measure the request that a changed value in the builder sends."""
    clinic = make_clinic("Preview Clinic")
    patient = make_patient(
        clinic, drug_id="diazepam", slots={"morning": "20", "night": "20"}, now=timezone.now()
    )
    client = Client(SERVER_NAME="localhost")
    client.force_login(make_member(clinic, Role.PRESCRIBER).user)
    url, steps, times, busy = reverse("tapers:create", args=[patient.pk]), 0, [], []
    for turn in range(TURNS):
        # Another percentage each time, so that nothing is remembered from the turn before.
        typed = {
            "start_on": today().isoformat(), "interval_days": "14", "goal_mg": "0",
            "method": "percent_of_current", "percent": f"4.{turn:02d}", "preview": "1",
        }  # fmt: skip
        begun, used = time.perf_counter(), time.process_time()
        page = client.post(url, typed, headers={"HX-Request": "true"})
        times.append((time.perf_counter() - begun) * 1000)
        busy.append((time.process_time() - used) * 1000)
        assert page.status_code == 200, page.status_code
        steps = page.content.decode().count('scope="row"')
    return [
        Figure(
            "preview", share(times, 0.95), "ms", 150, 60, False,
            f"{TURNS} requests through middleware, database and templates, {steps} steps each; "
            f"p50 {share(times, 0.5):.0f} ms, value is p95, of the processor "
            f"{share(busy, 0.5):.0f} ms; {machine()}",
        )
    ]  # fmt: skip
