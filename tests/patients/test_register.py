"""Registering a patient: what is stored, and what is refused beside its field."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.patients.models import RISK_FLAGS, Medication, Patient
from tests.conftest import signed_in
from tests.factories import NOW, make_patient

pytestmark = pytest.mark.django_db

GOOD = {
    "given_name": "Robin", "family_name": "Sampleson", "birth_date": "1979-03-02",
    "email": "", "phone": "555-0147", "emergency_contact": "", "language": "en",
    "time_zone": "America/New_York", "drug_id": "clonazepam", "pattern": "daily",
    "taken_months": "36", "morning_mg": "1", "noon_mg": "", "evening_mg": "", "night_mg": "1.5",
}  # fmt: skip


def register(nurse, **changes: str):
    data = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return signed_in(nurse).post(reverse("patients:create"), data)


def test_a_patient_is_registered_with_dose_risk_and_audit_row(nurse) -> None:
    response = register(nurse)
    patient = Patient.objects.get()
    assert response.headers["Location"] == reverse("patients:intake_history", args=[patient.pk])
    assert patient.medication.slots == {"morning": Decimal(1), "night": Decimal("1.5")}
    assert patient.risk.tier == "moderate"
    assert patient.risk.tier_reasons[0]["factor"] == "dze_30_to_50"
    assert all(getattr(patient.risk, flag) is None for flag in RISK_FLAGS)
    assert AuditEvent.objects.get(event="patient.registered").patient_id == patient.pk


def test_registration_is_all_or_nothing(clinic, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.patients.actions.record", refuse)
    with pytest.raises(IntegrityError), transaction.atomic():
        make_patient(clinic)
    assert not Patient.objects.exists()
    assert not Medication.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("given_name", ""), ("family_name", " "), ("birth_date", "2079-01-01"),
        ("birth_date", "1850-01-01"), ("birth_date", "yesterday"), ("email", "not-an-address"),
        ("phone", "abc"), ("phone", ""),
        ("time_zone", "Mars/Olympus"), ("drug_id", ""), ("drug_id", "aspirin"),
        ("taken_months", "-1"), ("taken_months", "a while"), ("morning_mg", "0,5"),
        ("morning_mg", "5e-1"), ("morning_mg", "-1"), ("morning_mg", "١"),
        ("morning_mg", "0.3333"), ("morning_mg", "1/2"), ("language", "fr"),
    ],
)  # fmt: skip
def test_bad_input_is_told_beside_its_field_and_nothing_is_lost(nurse, field, value) -> None:
    response = register(nurse, **{field: value})
    assert response.status_code == 422
    assert response.context["form"].errors[field]
    assert f'id="error_1_id_{field}"' in response.text
    assert not Patient.objects.exists()
    for name, kept in GOOD.items():
        if name != field and name in ("given_name", "family_name", "phone", "night_mg"):
            assert f'value="{kept}"' in response.text


def test_a_patient_without_any_dose_is_refused(nurse) -> None:
    response = register(nurse, morning_mg="", night_mg="0")
    assert "Enter the dose of at least one time of day." in response.text


def test_a_dose_ten_times_the_usual_asks_to_confirm(nurse) -> None:
    response = register(nurse, morning_mg="20", night_mg="20")
    assert response.status_code == 422
    assert "dose_confirmed" in response.context["form"].errors
    assert register(nurse, morning_mg="20", night_mg="20", dose_confirmed="on").status_code == 302


def test_markup_in_a_name_stays_text(nurse) -> None:
    response = register(nurse, family_name="<script>alert(1)</script>")
    page = signed_in(nurse).get(response.headers["Location"])
    assert "<script>alert(1)" not in page.text


def test_age_counts_completed_years(clinic) -> None:
    patient = make_patient(clinic, birth_date=date(2000, 2, 29))
    assert patient.age_on(date(2026, 2, 28)) == 25
    assert patient.age_on(date(2026, 3, 1)) == 26


def test_postgresql_refuses_a_medication_without_a_dose(patient) -> None:
    with pytest.raises(IntegrityError, match="medication_has_a_dose"), transaction.atomic():
        Medication.objects.update(morning_mg=0, night_mg=0)


@pytest.mark.parametrize("query", ["Wren", "wren test", "555-0123"])
def test_a_patient_is_found_by_name_or_phone(nurse, patient, query) -> None:
    page = signed_in(nurse).post(reverse("dashboard:caseload"), {"q": query}, follow=True)
    assert patient.family_name in page.text


def test_a_search_that_finds_nobody_says_so(nurse, patient) -> None:
    page = signed_in(nurse).post(reverse("dashboard:caseload"), {"q": "nobodyhere"}, follow=True)
    assert patient.family_name not in page.text


def test_the_list_costs_the_same_number_of_queries_for_two_and_for_twenty(
    nurse, clinic, django_assert_max_num_queries
) -> None:
    client = signed_in(nurse)
    for _ in range(20):
        make_patient(clinic, now=NOW - timedelta(days=1))
    client.get(reverse("dashboard:caseload"))  # brings the rows of new patients up to date
    with django_assert_max_num_queries(12):
        client.get(reverse("dashboard:caseload"))
