"""What is taken now, taken along and brought in: never the dose of before, nor one once stopped."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.checkins.models import CareTask
from apps.detox.restart_actions import record_restart
from apps.exchange.brought import MARKS, lines_of, words
from apps.exchange.fhir.bundle import collection
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.exchange.fhir.within import ImportRefusedError
from apps.exchange.import_actions import READ_IT, import_record
from apps.exchange.models import KeptResource
from apps.patients.models import FurtherMedicine, Patient
from apps.tapers.taken import Known, taken_now
from tests.detox.test_discharge import NONE, go_home
from tests.exchange.r4.validate import problems
from tests.factories import NOW, make_active_plan, make_patient, make_stay
from tests.tapers.decisions import decide

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Bundle = dict[str, Any]


def told(patient: Patient, now: datetime) -> Bundle:
    """Return the record as its file is read, with every statement and order as R4 has them."""
    fresh = Patient.objects.get(pk=patient.pk)
    text = as_json(collection(Record(fresh, now)))
    for each in medicines(json.loads(text)):
        assert problems(each) == []
    found: Bundle = json.loads(text, parse_float=Decimal)
    return found


def medicines(bundle: Bundle) -> list[dict[str, Any]]:
    kinds = ("MedicationStatement", "MedicationRequest")
    found = [each["resource"] for each in bundle["entry"]]
    return [each for each in found if each["resourceType"] in kinds]


def active(bundle: Bundle) -> list[dict[str, Any]]:
    return [each for each in medicines(bundle) if each["status"] == "active"]


def brought(bundle: Bundle, member: Any, now: datetime) -> Patient:
    found = import_record(clinic=member.clinic, bundle=bundle, by=member.user, now=now).patient
    return Patient.objects.get(pk=found.pk)


def ended_at_a_goal(patient: Patient, by: Any) -> datetime:
    plan = make_active_plan(patient, by.user, start_on="2026-01-05")
    decide(plan, by, "end", NOW + DAY)
    return NOW + 100 * DAY


def in_hospital(patient: Patient, by: Any) -> datetime:
    decide(make_active_plan(patient, by.user), by, "inpatient", NOW + timedelta(hours=1))
    return NOW + DAY


def home_with_none(patient: Patient, by: Any) -> datetime:
    make_active_plan(patient, by.user)
    go_home(make_stay(patient, by.user), by, **NONE)
    return NOW + 6 * DAY


def home_with_some(patient: Patient, by: Any) -> datetime:
    make_active_plan(patient, by.user)
    go_home(make_stay(patient, by.user), by)
    return NOW + 6 * DAY


def stands_at_nothing(patient: Patient, by: Any) -> datetime:
    make_active_plan(
        patient, by.user, goal_mg="0", slots={"night": "1"}, start_on="2026-10-05",
        method={"kind": "custom", "daily_mg": ["0"]},
    )  # fmt: skip
    return NOW + DAY


def began_again(patient: Patient, by: Any) -> datetime:
    patient.last_dose_on = NOW.date()
    patient.save(update_fields=["last_dose_on"])
    record_restart(
        patient=patient, seen_how="told", taken="One tablet before flying.", days_per_week=2,
        agreed="stay", plan="Calls first.", last_dose_on=None, by=by.user, now=NOW + 41 * DAY,
    )  # fmt: skip
    return NOW + 42 * DAY


@pytest.mark.parametrize("course", [ended_at_a_goal, in_hospital, home_with_none,
                                    stands_at_nothing])  # fmt: skip
def test_both_clinics_have_one_answer_to_what_is_taken(
    clinic, prescriber, outsider, course: Callable[..., datetime]
) -> None:
    little = {"drug_id": "diazepam", "slots": {"night": "1"}}
    patient = make_patient(clinic, **(little if course is stands_at_nothing else {}))
    now = course(patient, prescriber)
    here = taken_now(Patient.objects.get(pk=patient.pk), now)
    before = {patient.medication.drug_id: patient.medication.daily_mg}
    assert here.by_drug != before, "this case is about a dose that changed"
    copy = brought(told(patient, now), outsider, now)
    there = taken_now(copy, now)
    assert there.by_drug == here.by_drug
    if not here.by_drug:
        assert there.known is Known.STOPPED
    again = active(told(copy, now + DAY))
    doses = [dose["text"] for each in again if each["resourceType"] == "MedicationStatement"
             for dose in each["dosage"]]  # fmt: skip
    assert bool(doses) == bool(here.by_drug)


def test_a_reader_sees_what_was_taken_when_the_file_was_made(clinic, prescriber, outsider) -> None:
    patient = make_patient(clinic)
    now = ended_at_a_goal(patient, prescriber)
    copy = brought(told(patient, now), outsider, now)
    lines = {line.kind: line for line in lines_of(
        KeptResource.objects.filter(patient=copy).values_list("body", flat=True))}  # fmt: skip
    assert "tablet" in " ".join(lines["Taken when the file was made"].words)
    assert "morning: 1 mg" in lines["Taken at intake"].words


@pytest.mark.parametrize(
    ("course", "words"),
    [
        (home_with_some, "clonazepam 0.5 mg at night"),
        (began_again, "One tablet before flying."),
    ],
)
def test_words_are_told_as_words_and_no_dose_is_read_out_of_them(
    clinic, prescriber, outsider, course: Callable[..., datetime], words: str
) -> None:
    patient = make_patient(clinic)
    now = course(patient, prescriber)
    bundle = told(patient, now)
    assert [each["dosage"] for each in active(bundle)] == [[{"text": words}]]
    with pytest.raises(ImportRefusedError, match=f"in words only: “{words}”"):
        brought(bundle, outsider, now)


def test_a_copy_of_a_copy_goes_by_the_last_word_and_not_by_the_first_clinics_order(
    clinic, prescriber, outsider
) -> None:
    """The order of the first clinic goes on by its dates; nobody in the second signed that."""
    patient = make_patient(clinic)
    make_active_plan(patient, prescriber.user)
    copy = brought(told(patient, NOW + DAY), outsider, NOW + DAY)
    said = copy.medication.daily_mg
    later = NOW + 200 * DAY
    bundle = told(copy, later)
    bundle["entry"] = [e for e in bundle["entry"] if e["resource"]["resourceType"] != "AuditEvent"]
    for entry in bundle["entry"]:
        if entry["resource"]["id"] == str(copy.pk):
            entry["resource"]["id"] = "third"
    text = as_json(bundle).decode().replace(f"Patient/{copy.pk}", "Patient/third")
    third = brought(json.loads(text, parse_float=Decimal), prescriber, later)
    assert third.medication.daily_mg == said


def orders(bundle: Bundle, **changes: Any) -> None:
    for each in medicines(bundle):
        if each["resourceType"] == "MedicationRequest":
            each |= changes


def ended(bundle: Bundle) -> None:
    for each in medicines(bundle):
        for step in each.get("dosageInstruction", []):
            step["timing"]["repeat"]["boundsPeriod"] = {"start": "2020-01-01", "end": "2020-02-01"}


def statements(bundle: Bundle, **changes: Any) -> None:
    for each in medicines(bundle):
        if each["resourceType"] == "MedicationStatement":
            each |= changes


def last_dose(bundle: Bundle, day: str) -> None:
    person = next(e["resource"] for e in bundle["entry"]
                  if e["resource"]["resourceType"] == "Patient")  # fmt: skip
    person["extension"].append(
        {"url": "https://glidepath.example/fhir/StructureDefinition/last-dose-on", "valueDate": day}
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda b: orders(b, intent="proposal"), "not what is taken now"),
        (lambda b: orders(b, intent="plan"), "not what is taken now"),
        (lambda b: orders(b, doNotPerform=True), "not what is taken now"),
        (lambda b: orders(b, status="completed"), "not what is taken now"),
        (lambda b: orders(b, status="stopped"), "not what is taken now"),
        (ended, "called active and ended on 2020-02-01"),
        (lambda b: statements(b, status="entered-in-error"), "what the patient takes"),
        (lambda b: last_dose(b, "2026-01-01"), "an order in force gives a dose today"),
        (lambda b: last_dose(b, "2036-01-01"), "has not come yet"),
    ],
)
def test_where_now_is_not_said_or_said_twice_nothing_comes_in(
    clinic, prescriber, outsider, wrong: Callable[[Bundle], None], says: str
) -> None:
    patient = make_patient(clinic)
    make_active_plan(patient, prescriber.user)
    bundle = told(patient, NOW + 10 * DAY)
    wrong(bundle)
    with pytest.raises(ImportRefusedError, match=says):
        brought(bundle, outsider, NOW + 10 * DAY)
    assert not Patient.objects.filter(clinic=outsider.clinic).exists()


def test_an_order_that_came_is_over_once_something_else_is_said_here(
    clinic, prescriber, outsider
) -> None:
    patient = make_patient(clinic)
    make_active_plan(patient, prescriber.user)
    copy = brought(told(patient, NOW + DAY), outsider, NOW + DAY)
    assert any(each["resourceType"] == "MedicationRequest" for each in active(told(copy, NOW)))
    copy.last_dose_on = (NOW + DAY).date()
    copy.save(update_fields=["last_dose_on"])
    assert active(told(copy, NOW + 2 * DAY)) == []


@pytest.mark.parametrize("has_plan", [True, False])
def test_who_takes_some_is_followed_here_though_ended_there(
    patient, prescriber, outsider, has_plan
) -> None:
    if has_plan:
        make_active_plan(patient, prescriber.user)
    Patient.objects.filter(pk=patient.pk).update(status="ended")
    found = brought(told(patient, NOW + DAY), outsider, NOW + DAY)
    assert (found.status, found.last_dose_on) == ("active", None)
    tasks = CareTask.objects.filter(patient=found).values_list("kind", "title")
    assert list(tasks) == [("follow_up", READ_IT)]


def test_who_takes_none_stays_ended(patient, outsider) -> None:
    Patient.objects.filter(pk=patient.pk).update(status="ended", last_dose_on=NOW.date())
    found = brought(told(patient, NOW + DAY), outsider, NOW + DAY)
    assert (found.status, found.last_dose_on) == ("ended", NOW.date())
    assert not CareTask.objects.filter(patient=found).exists()


def test_the_second_drug_is_over_when_a_unit_says_that_none_is_taken(patient, prescriber) -> None:
    FurtherMedicine.objects.create(
        patient=patient, position=1, drug_id="zolpidem_ir", night_mg=Decimal(10), pattern="daily",
        days_per_week=7, taken_months=3,
    )  # fmt: skip
    assert len(active(told(patient, NOW))) == 2
    go_home(make_stay(patient, prescriber.user), prescriber, **NONE)
    found = medicines(told(patient, NOW + 30 * DAY))
    assert [each["status"] for each in found] == ["completed", "completed"]


@pytest.mark.parametrize("url", MARKS)
def test_a_mark_that_says_no_is_no_mark(url) -> None:
    body = {"resourceType": "Communication", "payload": [{"contentString": "hi"}]}
    for name in ("extension", "modifierExtension"):  # files of before have all as extensions
        assert words(body | {name: [{"url": url, "valueBoolean": False}]}) == ["hi"]
        for value in ({"valueBoolean": True}, {"valueCode": "expired"}):
            assert words(body | {name: [{"url": url, **value}]}) == [MARKS[url], "hi"]
