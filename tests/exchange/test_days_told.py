"""How often something was ever told goes along with a record: an import forgets none of it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.clinical.stopping import StopPath
from apps.detox.restart_actions import record_restart
from apps.exchange.fhir.within import ImportRefusedError
from apps.patients.intake import stop_verdict_of
from apps.patients.intake_actions import SectionValues, save_section
from apps.patients.models import Patient, Role
from apps.patients.risk_actions import regimen_on
from tests.exchange.test_taken_now import brought, medicines, told
from tests.factories import NOW, make_clinic, make_member
from tests.tapers.test_stopping import RARELY

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
URL = "https://glidepath.example/fhir/StructureDefinition/days-told"


@pytest.fixture
def there():
    return make_member(make_clinic("Elsewhere"), Role.PRESCRIBER, "Pia Elsewhere")


def tell(patient, by, now, **values: Any) -> None:
    patient.refresh_from_db()
    save_section(
        patient=patient, section="medicine", by=by.user, now=now, based_on=patient.intake_version,
        values=SectionValues(**values),
    )  # fmt: skip


def days_of(patient: Patient, now=NOW + 9 * DAY) -> int:
    return regimen_on(Patient.objects.get(pk=patient.pk), now.date())[0].days_per_week


def said_in(bundle) -> list[dict[str, Any]]:
    (main,) = (each for each in medicines(bundle) if each["id"].endswith("-taken"))
    return [each for each in main["extension"] if each["url"] == URL]


def test_a_lower_word_is_not_believed_where_the_record_is_brought_in(patient, nurse, there) -> None:
    tell(patient, nurse, NOW + DAY, medication=RARELY)
    found = brought(told(patient, NOW + 2 * DAY), there, NOW + 2 * DAY)
    assert found.medication.days_per_week == 2, "the word of today goes along as it is"
    assert days_of(found) == 7
    verdict = stop_verdict_of(found, (NOW + 2 * DAY).date())
    assert verdict.path is StopPath.REFUSED
    assert "told of 7 days of a week before" in " ".join(verdict.because)
    again = brought(told(found, NOW + 3 * DAY), make_third(), NOW + 3 * DAY)
    assert days_of(again) == 7, "nor on a second way"
    nurse_there = make_member(there.clinic, Role.NURSE, "Nora Elsewhere")
    tell(found, nurse_there, NOW + 4 * DAY, medication={"days_per_week": 1})
    assert days_of(found) == 7
    tell(found, there, NOW + 5 * DAY, medication={"days_per_week": 2})
    assert days_of(found) == 2, "a prescriber's own correction, here as everywhere"


def make_third():
    return make_member(make_clinic("Third"), Role.PRESCRIBER, "Theo Third")


def test_a_drug_that_is_told_off_goes_along_with_its_days(patient, nurse, there) -> None:
    daily = {"drug_id": "zolpidem_ir", "night_mg": Decimal(10), "pattern": "daily",
             "days_per_week": 7, "taken_months": 12,
             "dose_confirmed": True}  # fmt: skip
    tell(patient, nurse, NOW + DAY, further=[daily])
    tell(patient, nurse, NOW + 2 * DAY, further=[])
    found = brought(told(patient, NOW + 3 * DAY), there, NOW + 3 * DAY)
    tell(found, there, NOW + 4 * DAY, further=[daily | RARELY])
    fresh = Patient.objects.get(pk=found.pk)
    assert regimen_on(fresh, (NOW + 5 * DAY).date())[1].days_per_week == 7


def test_use_that_began_again_counts_where_it_was_told_and_where_it_goes(
    patient, nurse, prescriber, there
) -> None:
    tell(patient, prescriber, NOW + DAY, medication=RARELY)
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=(NOW + DAY).date())
    record_restart(
        patient=patient, seen_how="told", taken="One each night", days_per_week=6, agreed="stay",
        plan="Talk weekly.", last_dose_on=None, by=prescriber.user, now=NOW + 2 * DAY,
    )  # fmt: skip
    tell(patient, nurse, NOW + 3 * DAY, medication={"night_mg": Decimal("0.5")})
    assert days_of(patient) == 6
    found = brought(told(patient, NOW + 4 * DAY), there, NOW + 4 * DAY)
    assert (found.medication.days_per_week, days_of(found)) == (2, 6)


def test_a_file_of_before_says_only_what_is_so_today(patient, nurse, there) -> None:
    tell(patient, nurse, NOW + DAY, medication=RARELY)
    bundle = told(patient, NOW + 2 * DAY)
    for each in medicines(bundle):
        each["extension"] = [one for one in each["extension"] if one["url"] != URL]
    found = brought(bundle, there, NOW + 2 * DAY)
    assert (found.days_told_elsewhere, days_of(found)) == ({}, 2)


@pytest.mark.parametrize("days", [8, -1])
def test_days_that_no_week_has_are_refused(patient, there, days) -> None:
    bundle = told(patient, NOW)
    said_in(bundle)[0]["extension"][1] = {"url": "days", "valueInteger": days}
    with pytest.raises(ImportRefusedError, match="days a week that cannot be so"):
        brought(bundle, there, NOW)


def test_a_drug_that_this_program_does_not_have_counts_for_nothing(patient, there) -> None:
    bundle = told(patient, NOW)
    said_in(bundle)[0]["extension"][0] = {"url": "of", "valueString": "mistletoe (tea)"}
    assert brought(bundle, there, NOW).days_told_elsewhere == {}
