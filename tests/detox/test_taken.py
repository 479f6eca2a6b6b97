"""What is taken now: after a hospital no page, rule or paper goes by the dose of before."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from apps.checkins.assessment import planned_now
from apps.dashboard.states import states_of
from apps.detox.clocks import sweep_detox
from apps.detox.hand_over import hand_over_of
from apps.detox.outcome import outcome_of
from apps.detox.restart_actions import record_restart
from apps.patients.models import Patient
from apps.portal.actions import give_consent
from apps.tapers.taken import Known, taken_now
from tests.detox.test_discharge import NONE, go_home
from tests.factories import CALM, NOW, check_in, make_active_plan, make_patient, make_stay
from tests.portal.conftest import signed_in_as
from tests.tapers.decisions import DAY_1, START, decide, reach_step

pytestmark = pytest.mark.django_db
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
HOME = NOW + 5 * DAY
UNIT = "clonazepam 0.5 mg at night"


def fresh(patient: Patient) -> Patient:
    return Patient.objects.get(pk=patient.pk)


@pytest.mark.parametrize("moved", [False, True], ids=["plan in force", "moved to hospital"])
def test_home_from_a_unit_the_dose_is_the_units_everywhere(clinic, prescriber, moved) -> None:
    patient = make_patient(clinic, email="wren@home.example")
    plan = make_active_plan(patient, prescriber.user)
    give_consent(patient=patient, language="en", now=NOW)
    stay = make_stay(patient, prescriber.user)
    if moved:
        decide(plan, prescriber, "inpatient", NOW + HOUR)
    go_home(stay, prescriber)
    sweep_detox(HOME + HOUR)
    patient = fresh(patient)
    plan.refresh_from_db()
    assert plan.status == "inpatient"
    page = signed_in_as(patient).get(reverse("portal:home")).text
    assert UNIT in page
    assert "1 tablet" not in page
    assert "as you do now" not in page
    assert planned_now(patient, None) is None
    less = CALM | {"dose_taken": "took_less", "dose_taken_mg": 0.5, "hours_since_last_dose": 8}
    fired = [each["rule_id"] for each in check_in(patient, less, now=HOME + HOUR).triage.fired]
    assert "U21_TOOK_LESS_25" not in fired
    assert outcome_of(patient, HOME + HOUR).dose_now == UNIT
    document = hand_over_of(patient, HOME + HOUR, None)
    assert document["taken"] == []
    assert UNIT in document["taken_note"]
    (row,) = states_of([patient.pk], HOME + HOUR)
    assert (row.dose, row.stage) == (UNIT, "no_plan")


def test_none_left_ends_the_plan_and_no_sweep_takes_the_last_dose_back(patient, prescriber) -> None:
    plan = make_active_plan(patient, prescriber.user)
    stay = make_stay(patient, prescriber.user)
    go_home(stay, prescriber, **NONE)
    for hours in (1, 2):
        sweep_detox(HOME + hours * HOUR)
    plan.refresh_from_db()
    patient = fresh(patient)
    assert (plan.status, patient.last_dose_on) == ("ended", HOME.date())
    document = hand_over_of(patient, HOME + HOUR, None)
    assert (document["taken"], document["taken_note"][:5]) == ([], "None:")
    (row,) = states_of([patient.pk], HOME + HOUR)
    assert (row.dose, row.stage) == ("none", "over")


def test_a_plan_left_for_a_hospital_says_its_last_step_and_not_the_intake(
    clinic, prescriber
) -> None:
    patient = make_patient(clinic)
    plan = make_active_plan(patient, prescriber.user, now=DAY_1, start_on=START.isoformat())
    at = reach_step(plan, 5)
    before = hand_over_of(patient, at, None)
    decide(plan, prescriber, "inpatient", at + HOUR)
    patient = fresh(patient)
    taken = taken_now(patient, at + 2 * HOUR)
    assert (taken.known, taken.by_drug) == (Known.LEFT, {"clonazepam": Decimal("1.125")})
    document = hand_over_of(patient, at + 2 * HOUR, None)
    assert (document["taken"], document["steps"]) == (before["taken"], before["steps"])
    assert "Ask what is taken since then" in document["taken_note"]


def test_a_second_discharge_asks_for_its_own_contact(patient, prescriber) -> None:
    go_home(make_stay(patient, prescriber.user), prescriber)
    later = HOME + DAY
    stay = make_stay(patient, prescriber.user, now=later)
    go_home(stay, prescriber, now=later + DAY)
    due = {t.due_at for t in patient.care_tasks.filter(kind="contact", done_at__isnull=True)}
    assert due == {later + DAY + timedelta(hours=72)}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("What you take now", "It is no failure", "it can cause a seizure")),
     ("es", ("Lo que toma ahora", "No es un fracaso", "puede causar una convulsión"))],
)  # fmt: skip
def test_who_takes_some_again_reads_it_on_their_own_page_without_blame(
    clinic, prescriber, language, words
) -> None:
    patient = make_patient(clinic, email="wren@home.example", language=language)
    patient.last_dose_on = NOW.date()
    patient.save(update_fields=["last_dose_on"])
    give_consent(patient=patient, language=language, now=NOW)
    record_restart(
        patient=patient, seen_how="told", taken="1 mg each night", days_per_week=7,
        agreed="stay", plan="Stay for now.", last_dose_on=None, by=prescriber.user, now=NOW + DAY,
    )  # fmt: skip
    page = signed_in_as(fresh(patient)).get(reverse("portal:home")).text
    for text in (*words, "1 mg each night", clinic.phone):
        assert text in page
    assert "There is no plan here yet" not in page
