"""The patient's schedule: today first, words and pictures, and no date nobody can promise."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from apps.tapers.actions import hold_plan
from apps.tapers.schedule import schedule_of, schedule_of_plan
from apps.tapers.tablets import Portion
from tests.factories import NOW, make_active_plan, make_patient, make_plan

pytestmark = pytest.mark.django_db
START = "2026-11-23"


def portion(quantity, product="clonazepam 0.5 mg tablet"):
    return Portion(product, Decimal(quantity), Decimal(0))


def part_of(schedule, language="en"):
    with translation.override(language):
        return render_to_string("tapers/schedule_part.html", {"schedule": schedule})


@pytest.mark.parametrize(
    ("quantity", "product", "words"),
    [
        ("1", "clonazepam 0.5 mg tablet", "1 tablet of clonazepam 0.5 mg"),
        ("0.5", "clonazepam 0.5 mg tablet", "½ tablet of clonazepam 0.5 mg"),
        ("1.25", "diazepam 2 mg tablet", "1¼ tablets of diazepam 2 mg"),
        ("2.75", "diazepam 2 mg tablet", "2¾ tablets of diazepam 2 mg"),
        ("0.4", "diazepam 5 mg/mL oral liquid", "0.4 mL of diazepam 5 mg/mL"),
        ("3", "chlordiazepoxide 5 mg capsule", "3 capsules of chlordiazepoxide 5 mg"),
        ("1", "alprazolam 0.5 mg extended-release tablet", "1 slow tablet of alprazolam 0.5 mg"),
    ],
)
def test_an_amount_is_said_in_words(quantity, product, words) -> None:
    assert portion(quantity, product).words == words


def test_an_amount_is_said_in_spanish() -> None:
    with translation.override("es"):
        assert portion("1.5").words == "1½ tabletas de clonazepam 0.5 mg"


@pytest.mark.parametrize(
    ("quantity", "whole", "parts"),
    [("1", 1, 0), ("0.5", 0, 1), ("2.25", 2, 1), ("3.75", 3, 1), ("12", 1, 0)],
)
def test_a_picture_shows_each_tablet_and_the_part_of_one(quantity, whole, parts) -> None:
    picture = str(portion(quantity).picture)
    assert picture.count("M20 6v28") == whole
    assert picture.count("stroke-dasharray") == parts
    assert f'aria-label="{portion(quantity).words}"' in picture


def test_halves_quarters_and_three_quarters_look_different() -> None:
    assert len({str(portion(q).picture) for q in ("0.25", "0.5", "0.75", "1")}) == 4


def test_today_comes_first_and_each_step_adds_up(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    schedule = schedule_of(patient, NOW)
    assert schedule is not None
    assert schedule.today is not None
    assert schedule.today.number == 1
    for step in schedule.steps:
        parts = [part for slot in step.slots for part in slot.portions]
        assert sum((part.mg for part in parts), Decimal(0)) == step.daily_mg
    page = part_of(schedule)
    assert page.index("Today, Monday, November 23") < page.index("What comes next")
    assert "The same every day until Sunday, December 6." in page


def test_a_draft_has_no_schedule(patient, prescriber) -> None:
    plan = make_plan(patient, prescriber.user)
    assert schedule_of(patient, NOW) is None
    assert schedule_of_plan(plan, NOW) is None


def test_a_locked_plan_promises_no_date(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    hold_plan(
        patient=patient, action="hold_next", rules=[], source_type="check_in", source_id=uuid4(),
        by=None, now=NOW,
    )  # fmt: skip
    schedule = schedule_of(patient, NOW + timedelta(days=40))
    assert schedule is not None
    assert schedule.today is not None
    assert (schedule.today.number, schedule.today.end_on, schedule.coming) == (1, None, ())
    page = part_of(schedule)
    assert "Your dose stays the same for now." in page
    assert "What comes next" not in page


def test_before_the_first_day_nothing_is_told_to_change(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on="2026-12-01")
    schedule = schedule_of(patient, NOW)
    assert schedule is not None
    assert schedule.today is None
    assert "Your plan starts on Tuesday, December 1." in part_of(schedule)
    assert schedule.step_on(date(2026, 12, 2)) == schedule.steps[0]


def test_the_part_is_in_the_patients_language(patient, prescriber) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    page = part_of(schedule_of(patient, NOW), "es")
    assert "Hoy, lunes 23 de noviembre" in page
    assert "Por la mañana" in page
    assert "tableta de clonazepam" in page
    assert "Take" not in page


def test_two_medicines_at_once_are_named_as_two(clinic, prescriber) -> None:
    patient = make_patient(clinic, slots={"morning": "1", "night": "1"})
    switch = {
        "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
        "then": {"kind": "percent_of_current", "percent": "10"},
    }  # fmt: skip
    make_active_plan(patient, prescriber.user, method=switch, start_on=START)
    schedule = schedule_of(patient, NOW + timedelta(days=8))
    assert schedule is not None
    assert schedule.today is not None
    assert schedule.today.drugs == ["clonazepam", "diazepam"]
    assert "These are two kinds of medicine." in part_of(schedule)


def test_the_read_stays_at_a_few_queries(
    patient, prescriber, django_assert_max_num_queries
) -> None:
    make_active_plan(patient, prescriber.user, start_on=START)
    with django_assert_max_num_queries(4):
        schedule = schedule_of(patient, NOW)
        part_of(schedule)
