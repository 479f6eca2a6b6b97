"""Months of use pass without anybody's act: the tier rises by itself, once, and never falls so."""

from datetime import datetime, timedelta

import pytest

from apps.audit.models import AuditEvent
from apps.detox.clocks import sweep_detox
from apps.detox.tier_clock import look_at_tier, tiers_that_may_rise
from apps.patients.actions import change_status
from apps.patients.models import Patient
from tests.factories import NOW, make_patient

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def wren(clinic) -> Patient:
    """Eleven months of use and one more point: two points, three once a year is over."""
    return make_patient(
        clinic, drug_id="diazepam", slots={"night": "5"}, medication={"taken_months": 11},
        risk={"prior_severe_wd": True},
    )  # fmt: skip


def tier(patient: Patient) -> str:
    return Patient.objects.get(pk=patient.pk).risk.tier


def said() -> list[tuple[object, object]]:
    rows = AuditEvent.objects.filter(event="intake.assessed").order_by("at")
    return [(row.actor_id, row.details["tier"]) for row in rows]


def test_the_tier_rises_when_a_year_of_use_is_over_and_is_on_record_once(wren) -> None:
    before, points = tier(wren), wren.risk.tier_points
    later = NOW + 70 * DAY
    assert [sweep_detox(NOW + 20 * DAY).tiers, tier(wren)] == [0, before]
    assert said() == []
    assert [sweep_detox(later).tiers for _ in range(2)] == [1, 0]
    fresh = Patient.objects.get(pk=wren.pk).risk
    assert (before, fresh.tier, fresh.tier_points) == ("low", "moderate", points + 1)
    assert fresh.assessed_at == later
    assert said() == [(None, "moderate")]


def test_a_look_that_changes_nothing_writes_nothing(wren) -> None:
    assessed: datetime = wren.risk.assessed_at
    assert look_at_tier(wren.pk, NOW + 10 * DAY) is False
    assert Patient.objects.get(pk=wren.pk).risk.assessed_at == assessed


def test_no_look_lowers_a_tier(wren) -> None:
    wren.risk.tier = "moderate"
    wren.risk.save(update_fields=["tier"])
    assert look_at_tier(wren.pk, NOW) is False
    assert tier(wren) == "moderate"


@pytest.mark.parametrize("status", ["ended", "deceased"])
def test_whom_the_clinic_left_nobody_looks_at(wren, prescriber, status) -> None:
    change_status(patient=wren, status=status, by=prescriber.user, now=NOW)
    assert list(tiers_that_may_rise()) == []
    assert look_at_tier(wren.pk, NOW + 70 * DAY) is False
