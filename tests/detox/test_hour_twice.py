"""A dose is signed in the hour that comes twice, when clocks are put back."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.detox.models import DoseRecord
from tests.accounts.test_staff import proven
from tests.factories import make_stay, proof_of

pytestmark = pytest.mark.django_db
FIRST_TIME = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
SECOND_TIME = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize("now", [FIRST_TIME, SECOND_TIME])
def test_what_the_form_fills_in_is_signed_as_now(patient, nurse, prescriber, monkeypatch, now):
    assert str(patient.clinic.tz) == "America/New_York"
    stay = make_stay(patient, prescriber.user, now=datetime(2026, 10, 31, 20, tzinfo=UTC))
    monkeypatch.setattr(timezone, "now", lambda: now)
    seat = proven(nurse)
    path = reverse("detox:dose_create", args=[stay.pk])
    assert '"2026-11-01T01:30"' in seat.get(path).text
    data = {
        "submission_id": str(uuid4()), "kind": "given", "medicine": "phenobarbital",
        "amount": "1 tablet", "ordered_by": "Dr", "at": "2026-11-01T01:30", "sedation": "0",
        "breaths": "14", **proof_of(nurse),
    }  # fmt: skip
    assert seat.post(path, data).status_code == 302
    assert DoseRecord.objects.get().at == now


def test_an_hour_that_is_left_out_is_said_in_plain_words(patient, nurse, prescriber):
    stay = make_stay(patient, prescriber.user, now=datetime(2026, 3, 7, 20, tzinfo=UTC))
    data = {"at": "2026-03-08T02:30"}
    page = proven(nurse).post(reverse("detox:dose_create", args=[stay.pk]), data)
    assert "the clocks were put forward" in page.text
    assert not DoseRecord.objects.exists()
