"""Every field in which a dose is typed: a slip is refused beside it, and never read as a number.

A comma, another script's digits, an exponent or a letter for a digit could each be read as
another dose by a lenient parser. Ten-fold slips are numbers; see the last tests.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.forms import Form
from django.http import QueryDict
from django.test import RequestFactory
from django.utils import timezone

from apps.checkins.supply_forms import DispensingForm
from apps.patients.forms import MedicineForm
from apps.patients.forms_intake import MedicineSection
from apps.patients.models import Patient
from apps.tapers.builder import as_asked, candidate
from apps.tapers.forms import PlanForm
from apps.tapers.forms_changes import CHANGE_FORMS
from apps.tapers.formulary_forms import FormularyForm
from tests.factories import make_active_plan, make_plan, today

pytestmark = pytest.mark.django_db
SLIPS = (
    "0,5", "1.000,5", "1 000", "0٫5", "٠.٥", "０.５", "5e-1", "1e1", "+1", "-1", ".5", "1.", "01",
    "0·5", "½", "O.5", "l.5", "0.33333", "1_0", "0x1", "1 mg", "half", "NaN", "Infinity", "1/2",
)  # fmt: skip
START = {"interval_days": "14", "goal_mg": "0", "swap_days": "7", "then": "percent_of_current"}
TODAY = today()


def medicine_values(**typed: str) -> dict[str, str]:
    values = {"drug_id": "clonazepam", "pattern": "daily", "taken_months": "24", "based_on": "0"}
    return values | {"morning_mg": "1", "night_mg": "1"} | typed


def registered(name: str) -> Callable[..., Form]:
    extra = {"d2_drug_id": "diazepam", "d2_taken_months": "3"} if name.startswith("d2") else {}
    return lambda patient, member, text: MedicineForm(medicine_values(**extra | {name: text}))


def intake(patient: Patient, member: Any, text: str) -> Form:
    return MedicineSection(medicine_values(noon_mg=text), patient=patient, member=member)


def builder(name: str, **values: str) -> Callable[..., Form]:
    return lambda patient, member, text: PlanForm(
        START | {"start_on": TODAY.isoformat()} | values | {name: text}, patient=patient
    )


def edited(patient: Patient, member: Any, text: str) -> Form:
    data = QueryDict(mutable=True)
    typed = {"edit": "1", "table_interval_days": "14", "method": "fixed_mg", "mg": "0.25"}
    data.update(START | {"start_on": TODAY.isoformat()} | typed | {"edit_2": text})
    return candidate(as_asked(data, patient), patient).form


def decision(kind: str, name: str, **values: str) -> Callable[..., Form]:
    def form(patient: Patient, member: Any, text: str) -> Form:
        request = RequestFactory().post("/")
        request.user, request.session = member.user, {}
        plan = make_plan(patient, member.user)
        data = {"based_on": "1"} | values | {name: text}
        return CHANGE_FORMS[kind](data, request=request, plan=plan)

    return form


def handed_out(patient: Patient, member: Any, text: str) -> Form:
    values = {"submission_id": str(uuid4()), "product": "clonazepam 0.5 mg tablet", "days": "14"}
    return DispensingForm(
        values | {"dispensed_on": TODAY.isoformat(), "quantity": text}, patient=patient
    )


def compounded(patient: Patient, member: Any, text: str) -> Form:
    values = {"based_on": "0", "own_drug": "clonazepam", "own_form": "tablet", "own_part": "1"}
    return FormularyForm(values | {"own_strength": text}, clinic=patient.clinic)


FIELDS: dict[tuple[str, str], Callable[..., Form]] = {
    ("registration", "morning_mg"): registered("morning_mg"),
    ("registration, second drug", "d2_night_mg"): registered("d2_night_mg"),
    ("intake", "noon_mg"): intake,
    ("builder", "mg"): builder("mg", method="fixed_mg"),
    ("builder", "percent"): builder("percent", method="percent_of_current"),
    ("builder", "goal_mg"): builder("goal_mg", method="fixed_mg", mg="0.25"),
    ("builder, edited step", "daily_mg"): edited,
    ("decision", "goal_mg"): decision("goal", "goal_mg"),
    ("decision, slower", "percent"): decision("slow", "percent"),
    ("decision, method", "mg"): decision("method", "mg", method="fixed_mg"),
    ("supply", "quantity"): handed_out,
    ("formulary", "own_strength"): compounded,
}


@pytest.mark.parametrize(("place", "field"), FIELDS)
def test_a_slip_is_refused_beside_its_field_and_stays_as_typed(
    patient, prescriber, place, field
) -> None:
    form_of = FIELDS[place, field]
    right = form_of(patient, prescriber, "0.5")
    right.is_valid()
    assert field not in right.errors, "the test itself must have a value that passes"
    for slip in SLIPS:
        form = form_of(patient, prescriber, slip)
        form.is_valid()
        assert field in form.errors, slip
        assert slip in str(form[field].value()).split("\n")[0], slip


@pytest.mark.parametrize(("place", "field"), FIELDS)
def test_spaces_around_a_number_are_no_slip(patient, prescriber, place, field) -> None:
    form = FIELDS[place, field](patient, prescriber, " 0.5 ")
    form.is_valid()
    assert field not in form.errors


COUNTS = {
    ("builder", "interval_days"): builder("interval_days", method="fixed_mg", mg="0.25"),
    ("builder", "steps"): builder("steps", method="hyperbolic"),
    ("builder", "swap_days"): builder("swap_days", method="switch", to_drug="diazepam"),
    ("decision", "days"): decision("step_back", "days"),
    ("decision, slower", "interval_days"): decision("slow", "interval_days"),
    ("registration", "taken_months"): registered("taken_months"),
    ("registration", "days_per_week"): registered("days_per_week"),
    ("supply", "days"): handed_out,
}


def test_a_count_is_read_as_strictly_as_a_dose(patient, prescriber) -> None:
    slips = ("٧", "７", "7.0", "1e1", "+7", "-7", "07", "0x7", "7 days", "7,5", "1_4")
    for (place, field), form_of in COUNTS.items():
        right = form_of(patient, prescriber, "7") if field != "days" else None
        if right is not None:
            right.is_valid()
            assert field not in right.errors, place
        for slip in slips:
            form = form_of(patient, prescriber, slip)
            if place == "supply":
                form = DispensingForm(form.data | {"days": slip}, patient=patient)
            assert not form.is_valid()
            assert "whole number" in str(form.errors[field]), (place, slip)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("7,5", "Takes a percentage written as text with a point"),
        ("0", "Takes a percentage from above 0 to 100, not 0."),
        ("150", "Takes a percentage from above 0 to 100, not 150."),
    ],
)
def test_a_percentage_is_named_as_one_and_once(patient, prescriber, typed, words) -> None:
    for form_of in (FIELDS["builder", "percent"], FIELDS["decision, slower", "percent"]):
        form = form_of(patient, prescriber, typed)
        form.is_valid()
        (said,) = form.errors["percent"]
        assert said.startswith(words)
        assert "milligram" not in said


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"method": "fixed_mg", "mg": "0.25", "goal_mg": "10"}, "goal_mg"),
        ({"method": "custom", "daily_mg": "17.5\n1.5"}, "daily_mg"),
        ({"method": "fixed_mg", "mg": "2.5"}, None),
        ({"method": "percent_of_current", "percent": "100"}, None),
        ({"method": "percent_of_current", "percent": "500"}, "percent"),
    ],
    ids=str,
)
def test_a_tenfold_slip_in_a_plan_is_refused(patient, typed, field) -> None:
    """None is the plan as a whole: it would stop the medicine at once."""
    data = QueryDict(mutable=True)
    data.update(START | {"start_on": TODAY.isoformat()} | typed)
    found = candidate(data, patient)
    assert found.preview is None
    assert found.form.errors[field or "__all__"]


def test_a_tenfold_slip_that_makes_a_plan_is_refused_as_the_stop_it_is(patient) -> None:
    data = QueryDict(mutable=True)
    typed = {"method": "custom", "daily_mg": "1.75\n0.15", "goal_mg": ""}
    data.update(START | {"start_on": TODAY.isoformat()} | typed)
    found = candidate(data, patient)
    assert found.preview is None
    assert found.is_abrupt
    assert "Step 3 would stop the medicine at once" in found.form.errors["__all__"][0]


@pytest.mark.parametrize("slip", [{"morning_mg": "10", "night_mg": "10"}, {"morning_mg": "0.01"}])
def test_a_tenfold_slip_of_the_present_dose_is_shown_back(db, slip) -> None:
    typed = medicine_values(**{"night_mg": ""} | slip)
    form = MedicineForm(typed)
    assert not form.is_valid()
    assert "Correct the dose, or tick this box" in form.errors["dose_confirmed"][0]
    assert MedicineForm(typed | {"dose_confirmed": "on"}).is_valid()


@pytest.mark.parametrize(("quantity", "is_slip"), [("28", False), ("280", True), ("2.8", True)])
def test_a_tenfold_slip_of_what_was_handed_out_is_shown_back(
    patient, prescriber, quantity, is_slip
) -> None:
    plan = make_active_plan(
        patient, prescriber.user, now=timezone.now(), start_on=TODAY.isoformat()
    )
    product = plan.version.steps.get(number=1).pieces.first().product
    values = {"submission_id": str(uuid4()), "product": product, "days": "14"}
    values |= {"dispensed_on": TODAY.isoformat(), "quantity": quantity}
    form = DispensingForm(values, patient=patient)
    assert form.is_valid() is not is_slip
    if is_slip:
        assert f"The plan uses 28 in these 14 days, and {quantity} is" in str(form.errors)
        assert not form["is_right"].is_hidden
        assert DispensingForm(values | {"is_right": "on"}, patient=patient).is_valid()
