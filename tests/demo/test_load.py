"""Loading: all or nothing, and the same every time."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn
from apps.patients.models import Clinic, Patient
from apps.tapers.models import TaperStep
from config.demo.journey import Journey
from config.demo.people import CLINICS, COPPERMESA
from config.demo.seed import load_demo
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

FEW = (replace(COPPERMESA, patients=COPPERMESA.patients[:4]),)


def what_is_there() -> dict[str, list[Any]]:
    """Return everything that is not an id or a drawn reference."""
    by_name = "patient__family_name"
    return {
        "patients": [*Patient.objects.values_list("family_name", "phone", "risk__tier_points")],
        "answers": [*CheckIn.objects.order_by(by_name, "received_at").values_list(
            by_name, "received_at", "answers", "triage__level", "triage__dws", "submission_id"
        )],
        "steps": [*TaperStep.objects.order_by("version__plan__patient__family_name", "number")
                  .values_list("start_on", "daily_mg")],
        "alerts": [*Alert.objects.order_by(by_name, "opened_at").values_list(
            "opened_at", "level", "status", "resolved_at", "note"
        )],
        "audit": [*AuditEvent.objects.order_by("pk").values_list("at", "event")],
    }  # fmt: skip


def test_the_same_moment_gives_the_same_installation() -> None:
    found = []
    for _ in range(2):
        with transaction.atomic():
            load_demo(now=NOW, say=lambda line: None, clinics=FEW)
            found.append(what_is_there())
            transaction.set_rollback(True)
    assert found[0] == found[1]
    assert all(found[0].values())


def test_an_error_half_way_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    tell = Journey.tell

    def fail_at_the_third(self: Journey) -> int:
        told.append(self.story.family)
        if len(told) == 3:
            raise RuntimeError("power cut")
        return tell(self)

    monkeypatch.setattr(Journey, "tell", fail_at_the_third)
    with pytest.raises(RuntimeError, match="power cut"):
        load_demo(now=NOW, say=lambda line: None, clinics=FEW)
    assert not Clinic.objects.exists()
    assert not AuditEvent.objects.exists()


def test_no_two_people_share_a_name() -> None:
    names = [person.full_name for clinic in CLINICS for person in (*clinic.staff, *clinic.patients)]
    assert len(set(names)) == len(names)
