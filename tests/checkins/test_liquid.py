"""How much was taken, in mg or mL: from the page to the board, by the plan's own liquids."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.assessment import assessment_of
from apps.checkins.link_actions import create_link
from apps.checkins.models import CheckIn
from apps.exchange.brought import words as brought_words
from apps.exchange.fhir.check_ins import questionnaire, response
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.patients.models import Patient
from apps.portal.answers import answers_of
from tests.checkins.test_views import posted
from tests.conftest import signed_in
from tests.exchange.r4.validate import problems
from tests.factories import CALM, NOW, check_in, make_active_plan, make_patient, put_on_call, today

pytestmark = pytest.mark.django_db
FIVE = {"strength_mg": "5", "form": "liquid", "smallest_part": "0.01"}
WEAK = FIVE | {"strength_mg": "0.4"}
MORE = CALM | {"dose_taken": "took_extra", "hours_since_last_dose": "8"}
LESS = CALM | {"dose_taken": "took_less", "hours_since_last_dose": "8"}


def on_liquid(clinic: Any, prescriber: Any, product: dict[str, str] = FIVE) -> Patient:
    """Return a patient whose plan gives 2 mg of diazepam a day: 0.4 mL of 5 mg/mL."""
    patient = make_patient(clinic, now=timezone.now(), drug_id="diazepam", slots={"night": "2"})
    make_active_plan(
        patient, prescriber.user, now=timezone.now(), start_on=today().isoformat(),
        products=[product],
    )  # fmt: skip
    return patient


@pytest.fixture
def liquid(clinic, prescriber) -> Patient:
    return on_liquid(clinic, prescriber)


def send(patient: Patient, answers: dict[str, Any], **extra: Any) -> tuple[str, CheckIn]:
    """Post answers from the patient's page; return the page that follows and what is stored."""
    token = create_link(patient=patient, by=None, now=timezone.now())
    page = Client().post(reverse("checkins:create", args=[token]), posted(answers, **extra))
    assert page.status_code == 200
    return page.text, CheckIn.objects.latest("received_at")


def rules(row: CheckIn) -> set[str]:
    return {each["rule_id"] for each in row.triage.fired}


def test_millilitres_of_the_plans_liquid_are_judged_by_their_milligrams(liquid, nurse) -> None:
    """0.6 mL of 5 mg/mL are 3 mg of 2 mg: 150 %, not the 30 % of "0.6 mg"."""
    put_on_call(nurse, now=timezone.now())
    _, row = send(liquid, MORE | {"dose_taken_mg": "0,6", "dose_taken_mg_unit": "mL"})
    assert row.answers["dose_taken_mg"] == "0.6 mL"
    assert row.questionnaire_version == 2
    assert "U22_TOOK_EXTRA_150" in rules(row)
    alert = Alert.objects.get(patient=liquid)
    for address in (
        reverse("checkins:detail", args=[row.pk]), reverse("dashboard:alert", args=[alert.pk]),
    ):  # fmt: skip
        page = signed_in(nurse).get(address).text
        assert "0.6 mL at 5 mg/mL is 3 mg" in page
        assert "Taken, per cent of the plan: 150" in page
    assert "0.6 mL" in [each.answer for each in answers_of(row)]


@pytest.mark.parametrize(
    ("answers", "unit", "fires"),
    [
        # 90 % of the plan in mL; the same number in mg would be 18 %.
        (LESS | {"dose_taken_mg": "0.36"}, "mL", "W08_OFF_PLAN_SMALL"),
        (LESS | {"dose_taken_mg": "0.36"}, "mg", "U21_TOOK_LESS_25"),
        # 50 % in mL: 0.2 mL are 1 mg.
        (LESS | {"dose_taken_mg": "0.2"}, "mL", "U21_TOOK_LESS_25"),
        (MORE | {"dose_taken_mg": "2.9"}, "mg", "W08_OFF_PLAN_SMALL"),
        (MORE | {"dose_taken_mg": "3"}, "mg", "U22_TOOK_EXTRA_150"),
        # "More" and less than planned in mg: as mL it fits, 0.6 mL are 3 mg of 2.
        (MORE | {"dose_taken_mg": "0.6"}, "mg", "U22_TOOK_EXTRA_150"),
        # Nobody said which: the reading that raises most.
        (MORE | {"dose_taken_mg": "0.6"}, "", "U22_TOOK_EXTRA_150"),
        (LESS | {"dose_taken_mg": "1.9"}, "", "W08_OFF_PLAN_SMALL"),
    ],
)
def test_each_unit_has_its_own_meaning(liquid, answers, unit, fires) -> None:
    _, row = send(liquid, answers | {"dose_taken_mg_unit": unit})
    off_plan = {"U21_TOOK_LESS_25", "U22_TOOK_EXTRA_150", "W08_OFF_PLAN_SMALL"}
    assert rules(row) & off_plan == {fires}


def test_an_old_page_is_taken_shown_as_given_and_not_believed_to_be_mg(liquid, nurse) -> None:
    """The first form said "mg" beside the box; who measures a liquid may have typed mL."""
    put_on_call(nurse, now=timezone.now())
    _, row = send(liquid, MORE | {"dose_taken_mg": "0.6"}, version="1")
    assert (row.questionnaire_version, row.answers["dose_taken_mg"]) == (1, 0.6)
    assert "U22_TOOK_EXTRA_150" in rules(row)
    page = signed_in(nurse).get(reverse("checkins:detail", args=[row.pk])).text
    assert "0.6 mg" in page
    assert "0.6 (mg or mL not said) at 5 mg/mL: not sure, read as 3 mg" in page
    assert answers_of(row)[2].answer == "0.6 mg"


def test_a_unit_that_nobody_told_is_shown_as_such(liquid, nurse) -> None:
    _, row = send(liquid, MORE | {"dose_taken_mg": "0.6"})
    assert row.answers["dose_taken_mg"] == 0.6
    assert "0.6 (mg or mL not said)" in signed_in(nurse).get(
        reverse("checkins:detail", args=[row.pk])
    ).text  # fmt: skip
    assert answers_of(row)[2].answer == "0.6 (mg or mL not said)"


def test_mg_that_contradict_the_answer_are_shown_to_staff_both_ways(liquid, nurse) -> None:
    _, row = send(liquid, MORE | {"dose_taken_mg": "0.6", "dose_taken_mg_unit": "mg"})
    assert row.answers["dose_taken_mg"] == "0.6 mg"
    page = signed_in(nurse).get(reverse("checkins:detail", args=[row.pk])).text
    assert "0.6 mg; that is not more than the 2 mg planned" in page
    assert "the answers contradict each other, as 0.6 mL at 5 mg/mL read as 3 mg" in page


def test_less_that_is_more_in_mg_is_read_by_a_weak_liquid_and_staff_see_it(
    clinic, prescriber, nurse
) -> None:
    """3 mL of 0.4 mg/mL, told as "3 mg": 60 % of 2 mg, not 150 %."""
    put_on_call(nurse, now=timezone.now())
    patient = on_liquid(clinic, prescriber, WEAK)
    _, row = send(patient, LESS | {"dose_taken_mg": "3", "dose_taken_mg_unit": "mg"})
    assert "U21_TOOK_LESS_25" in rules(row)
    alert = Alert.objects.get(patient=patient)
    for address in (
        reverse("checkins:detail", args=[row.pk]), reverse("dashboard:alert", args=[alert.pk]),
    ):  # fmt: skip
        page = signed_in(nurse).get(address).text
        assert "3 mg; that is not less than the 2 mg planned" in page
        assert "the answers contradict each other, as 3 mL at 0.4 mg/mL read as 1.2 mg" in page
        assert "Taken, per cent of the plan: 60" in page


@pytest.mark.parametrize("planned", [True, False])
def test_millilitres_without_a_liquid_in_the_plan_are_never_calm(
    clinic, prescriber, nurse, planned
) -> None:
    patient = make_patient(clinic, now=timezone.now())
    if planned:
        start = today().isoformat()
        make_active_plan(patient, prescriber.user, now=timezone.now(), start_on=start)
    _, row = send(patient, MORE | {"dose_taken_mg": "1", "dose_taken_mg_unit": "mL"})
    assert "U22_TOOK_EXTRA_150" in rules(row)
    page = signed_in(nurse).get(reverse("checkins:detail", args=[row.pk])).text
    assert "1 mL: not sure, the plan gives no liquid whose strength is known" in page


def test_two_units_are_asked_about_again_and_nothing_typed_is_lost(liquid) -> None:
    token = create_link(patient=liquid, by=None, now=timezone.now())
    wrong = MORE | {"dose_taken_mg": "0.6 mg", "dose_taken_mg_unit": "mL"}
    page = Client().post(reverse("checkins:create", args=[token]), posted(wrong)).text
    assert not CheckIn.objects.exists()
    assert "Choose one: mg or mL." in page
    assert 'value="0.6 mg"' in page
    assert 'name="dose_taken_mg_unit" value="mL" checked' in page


def test_a_forged_unit_is_an_error_and_a_red_flag_beside_it_goes_through(liquid) -> None:
    forged = MORE | {"dose_taken_mg": "0.6", "dose_taken_mg_unit": "kg", "seizure": "yes"}
    _, row = send(liquid, forged)
    assert row.triage.level == "emergency"
    assert "dose_taken_mg" not in row.answers


def test_the_page_tells_nothing_of_the_patient_and_chooses_nothing(liquid, clinic) -> None:
    def item_of(patient: Patient) -> str:
        token = create_link(patient=patient, by=None, now=timezone.now())
        page = Client().get(reverse("checkins:create", args=[token])).text
        return page.split('id="q-dose_taken_mg"')[1].split('id="q-supply_days"')[0]

    page = item_of(liquid)
    assert page == item_of(make_patient(clinic, now=timezone.now()))
    assert 'type="radio"' in page
    assert "checked" not in page


def test_only_an_amount_costs_a_query(liquid) -> None:
    def queries(**more: bool) -> int:
        with CaptureQueriesContext(connection) as caught:
            assessment_of(liquid, timezone.now(), timezone.now(), **more)
        return len(caught)

    assert queries(tells_amount=True) == queries() + 1


def test_what_was_felt_before_a_step_is_read_by_the_liquid_of_that_day(clinic, prescriber) -> None:
    """A phone sends it after the plan has gone on; each day has its own milligrams."""
    patient = make_patient(clinic, drug_id="diazepam", slots={"night": "2"})
    start = (NOW - timedelta(days=21)).date().isoformat()
    make_active_plan(
        patient, prescriber.user, now=NOW - timedelta(days=30), start_on=start, products=[FIVE]
    )
    check_in(patient, CALM, now=NOW - timedelta(days=10))
    felt = NOW - timedelta(days=20)
    then = assessment_of(patient, NOW, felt, tells_amount=True).context
    today_ = assessment_of(patient, NOW, tells_amount=True).context
    for found in (then, today_):
        assert found.liquid_mg_per_ml == (Decimal(5),)
        assert found.planned_solid_mg == 0
    assert then.planned_daily_mg > today_.planned_daily_mg


def test_fhir_has_the_form_by_its_version_and_the_amount_with_its_unit(liquid) -> None:
    _, row = send(liquid, MORE | {"dose_taken_mg": "0.6", "dose_taken_mg_unit": "mL"})
    (_, bare) = send(liquid, MORE | {"dose_taken_mg": "0.6"})
    record = Record(liquid, timezone.now())
    told = response(record, row)
    assert told["questionnaire"].endswith("/Questionnaire/daily|2")
    assert amount_in(told) == {
        "value": Decimal("0.6"), "unit": "mL", "system": "http://unitsofmeasure.org", "code": "mL",
    }  # fmt: skip
    assert "How much did you take in the last day? 0.6 mL" in brought_words(told)
    assert amount_in(response(record, bare)) == {"value": 0.6}
    for each in (told, response(record, bare), questionnaire("daily", 2)):
        assert problems(json.loads(as_json(each))) == []
    asked = {
        each["linkId"]: each
        for section in questionnaire("daily", 2)["item"] for each in section["item"]
    }  # fmt: skip
    assert asked["dose_taken_mg"]["type"] == "quantity"
    units = [each["valueCoding"]["code"] for each in asked["dose_taken_mg"]["extension"]]
    assert units == ["mg", "mL"]


def amount_in(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each["answer"][0]["valueQuantity"]
        for section in told["item"] for each in section["item"]
        if each["linkId"] == "dose_taken_mg"
    )  # fmt: skip
    return found
