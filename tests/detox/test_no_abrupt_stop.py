"""Every door through which a medicine could be stopped at once, each tried and found shut.

The builder's every method, the goal and holds are tried in tests/tapers/test_stopping.py, more of
what a program may send in the tests of the API. There is no Django admin: nobody types into tables.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.apps import apps
from django.urls import get_resolver, reverse
from django.utils import timezone

from apps.detox.clocks import sweep_detox
from apps.detox.models import Restart
from apps.detox.restart_actions import record_restart
from apps.patients.models import Patient
from apps.tapers.models import PlanVersion, TaperPlan
from tests.accounts.test_staff import proven
from tests.conftest import signed_in
from tests.detox.test_beside import tell
from tests.detox.test_discharge import go_home
from tests.factories import (
    make_active_plan,
    make_member,
    make_patient,
    make_plan,
    make_stay,
    proof_of,
    today,
)
from tests.security.walk import ProgramClient
from tests.tapers.decisions import decide
from tests.tapers.test_stopping import AT_ONCE, RARELY, half_way, post
from tests.test_access_matrix import url_names

pytestmark = pytest.mark.django_db
STOP = {
    "seen_how": "told", "taken": "None any more.", "days_per_week": "7", "agreed": "stop_again",
    "plan": "Stops today.",
}  # fmt: skip
DAILY = {
    "drug_id": "clonazepam", "pattern": "daily", "days_per_week": 7, "taken_months": 24,
    "night_mg": Decimal(1),
}  # fmt: skip


def typed() -> dict[str, str]:
    return {"start_on": today().isoformat(), "interval_days": "14", "goal_mg": "0"} | AT_ONCE


def builder(patient: Patient, by: Any) -> Any:
    path = reverse("tapers:create", args=[patient.pk])
    return signed_in(by).post(path, typed() | {"save": "1"})


def draft(patient: Patient, by: Any) -> Any:
    plan = make_plan(patient, by.user, now=timezone.now(), start_on=today().isoformat())
    path = reverse("tapers:edit", args=[plan.pk])
    return signed_in(by).post(path, typed() | {"save": "1", "based_on": "1", "reason": "Falls."})


def of_plan(name: str, **values: str) -> Callable[[Patient, Any], Any]:
    def try_it(patient: Patient, by: Any) -> Any:
        plan = half_way(patient, by)
        return post(by, name, plan.pk, breach_reason="Falls every night.", **values)

    return try_it


def method(patient: Patient, by: Any) -> Any:
    doses = {"morning": "10", "night": "10"}
    other = make_patient(patient.clinic, drug_id="diazepam", slots=doses)
    plan = half_way(other, by, "0")
    return post(by, "tapers:method", plan.pk, breach_reason="Falls every night.", **AT_ONCE)


def leave(patient: Patient, by: Any) -> Any:
    make_active_plan(patient, by.user, now=timezone.now(), start_on=today().isoformat())
    path = reverse("patients:status", args=[patient.pk])
    return signed_in(by).post(path, {"status": "ended"}, follow=True)


def without_path(patient: Patient, by: Any) -> Any:
    path = reverse("patients:stop", args=[patient.pk])
    values = {"kind": "stop", "reason": "Falls.", "told_to_report": "on", "told_may_restart": "on"}
    return signed_in(by).post(path, values)


def used_again(patient: Patient, by: Any) -> Any:
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=today())
    path = reverse("detox:restart", args=[patient.pk])
    return signed_in(by).post(path, STOP | {"last_dose_on": today().isoformat()})


def used_more_and_more(patient: Patient, by: Any) -> Any:
    """A restart of seven days a week, then the word that it is one day and ends."""
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=today())
    path, client = reverse("detox:restart", args=[patient.pk]), signed_in(by)
    going_on = STOP | {"agreed": "stay"}
    assert client.post(path, going_on).status_code == 302
    ends = STOP | {"days_per_week": "1", "last_dose_on": today().isoformat()}
    return client.post(path, ends)


def used_less_by_each_word(patient: Patient, by: Any) -> Any:
    """Seven days a week, then a restart of one day: its stop would forget the first."""
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=today())
    path, client = reverse("detox:restart", args=[patient.pk]), signed_in(by)
    going_on = STOP | {"agreed": "stay"}
    for words in (going_on, going_on | {"days_per_week": "1", "taken": "Less."}):
        assert client.post(path, words).status_code == 302
    ends = STOP | {"days_per_week": "1", "last_dose_on": today().isoformat()}
    return client.post(path, ends)


def told_rarely_taken_again(patient: Patient, by: Any) -> Any:
    """The intake says two days a week; a restart says seven, then one; the intake is told anew."""
    other = make_patient(patient.clinic, medication=RARELY)
    Patient.objects.filter(pk=other.pk).update(last_dose_on=today() - timedelta(days=30))
    path, client = reverse("detox:restart", args=[other.pk]), signed_in(by)
    for days, taken in (("7", "2 mg each night"), ("1", "Less.")):
        words = STOP | {"agreed": "stay", "taken": taken, "days_per_week": days}
        assert client.post(path, words).status_code == 302
    other = Patient.objects.get(pk=other.pk)
    tell(other, by, now=timezone.now(), medication={"night_mg": Decimal("0.5")})
    other = Patient.objects.get(pk=other.pk)
    page = without_path(other, by)
    assert "told as taken on 7 days of a week" in page.text
    return stays(other, by, page)


def told_rarely_home_with_some(patient: Patient, by: Any) -> Any:
    """The intake says two days a week; a unit sends home on some, in words without days."""
    then = timezone.now() - timedelta(days=90)
    other = make_patient(patient.clinic, now=then, medication=RARELY)
    stay = make_stay(other, by.user, now=then + timedelta(days=1))
    go_home(stay, by, now=then + timedelta(days=20), taken="clonazepam 1 mg each night")
    page = without_path(other, by)
    assert "“clonazepam 1 mg each night”" in page.text
    return stays(other, by, page)


def told_less_often(patient: Patient, by: Any) -> Any:
    """One edit of the intake by a nurse, of all drugs in turn, opens nothing."""
    nurse = make_member(patient.clinic, "nurse")
    for values in (
        {"medication": RARELY},
        {"medication": RARELY | {"drug_id": "zolpidem_ir"}, "further": [DAILY | RARELY]},
    ):
        other = make_patient(patient.clinic)
        tell(other, nurse, *values.pop("further", ()), now=timezone.now(), **values)
        page = without_path(Patient.objects.get(pk=other.pk), by)
        assert "The intake told of 7 days of a week before." in page.text
        assert not other.stop_decisions.exists()
    return page


def second_drug_told_less_often(patient: Patient, by: Any) -> Any:
    """The same of a second drug, also where it is told off and on again."""
    nurse = make_member(patient.clinic, "nurse")
    other = make_patient(patient.clinic, medication=RARELY | {"days_per_week": 1})
    for further in ([DAILY], [], [DAILY | RARELY]):
        tell(other, nurse, *further, now=timezone.now())
    page = without_path(Patient.objects.get(pk=other.pk), by)
    assert "The intake told of 7 days of a week before." in page.text
    assert not other.stop_decisions.exists()
    return page


def stays(other: Patient, by: Any, page: Any) -> Any:
    """Return the page of a refused stop, once nothing after it took the patient for stopped."""
    assert not other.stop_decisions.exists()
    sweep_detox(timezone.now())
    path = reverse("patients:status", args=[other.pk])
    assert "(ASAM-03)" in signed_in(by).post(path, {"status": "ended"}, follow=True).text
    other = Patient.objects.get(pk=other.pk)
    assert (other.last_dose_on, other.status) == (None, "active")
    return page


def program(patient: Patient, by: Any) -> Any:
    """A program of the clinic: it may work a plan out, and ends none."""
    body = {"start_on": today().isoformat(), "goal_mg": "0", "method": "custom", "daily_mg": ["0"]}
    plan = half_way(patient, by)
    client = ProgramClient(by)
    for path in (f"/api/v1/plans/{plan.pk}/end", f"/api/v1/plans/{plan.pk}"):
        for verb in ("POST", "PUT", "PATCH", "DELETE"):
            assert client.generic(verb, path, "{}").status_code == 404
    return client.post(reverse("api:plan_preview", args=[patient.pk]), body)


def intake(patient: Patient, by: Any) -> Any:
    """Typing that nothing is taken is no way to stop what is."""
    path = reverse("patients:intake_medicine", args=[patient.pk])
    typed = {
        "based_on": "0", "drug_id": "clonazepam", "pattern": "daily", "taken_months": "24",
        "morning_mg": "0", "night_mg": "0", "leave": "1",
    }  # fmt: skip
    return signed_in(by).post(path, typed)


def on_a_dose(patient: Patient, by: Any) -> Any:
    path = reverse("detox:restart", args=[patient.pk])
    values = STOP | {"days_per_week": "1", "last_dose_on": today().isoformat()}
    return signed_in(by).post(path, values)


def home_with_some(patient: Patient, by: Any) -> Any:
    make_active_plan(patient, by.user, now=timezone.now(), start_on=today().isoformat())
    stay = make_stay(patient, by.user, now=timezone.now() - timedelta(hours=1))
    plan, home = patient.plans.get(), timezone.localtime(timezone=patient.clinic.tz)
    proven(by).post(
        reverse("detox:discharge", args=[stay.referral_id]),
        {
            "discharged_at": f"{home:%Y-%m-%dT%H:%M}", "left": "some",
            "taken": "clonazepam 1 mg", "summary": "Calm.",
        },
    )  # fmt: skip
    return post(by, "tapers:end", plan.pk)


def short_stay(patient: Patient, by: Any) -> Any:
    """In a bed and out of it within minutes, "nothing taken": one prescriber alone."""
    plan = make_active_plan(patient, by.user, now=timezone.now(), start_on=today().isoformat())
    stay = make_stay(patient, by.user, now=timezone.now() - timedelta(minutes=10))
    path = reverse("detox:discharge", args=[stay.referral_id])
    home = timezone.localtime(timezone=patient.clinic.tz)
    said = {
        "discharged_at": f"{home:%Y-%m-%dT%H:%M}", "left": "none", "summary": "Calm.",
        "last_dose_on": home.date().isoformat(),
    }  # fmt: skip
    assert "this is a stop at once" in proven(by).post(path, said).text
    proven(by).post(path, said | {"short_because": "Took two tablets a month."})
    post(by, "tapers:end", plan.pk)
    leave = reverse("patients:status", args=[patient.pk])
    signed_in(by).post(leave, {"status": "ended"})
    patient.refresh_from_db()
    assert patient.last_dose_on is None
    path = reverse("detox:discharge_sign", args=[stay.referral_id])
    return signed_in(by).post(path, {"reason": "I agree with myself.", **proof_of(by)})


def followed_for_300_days(patient: Patient, by: Any, **medication: Any) -> TaperPlan:
    """Return the plan of another patient of the clinic, which has given a dose all these days."""
    then = timezone.now() - timedelta(days=300)
    other = make_patient(patient.clinic, now=then, medication=medication)
    return make_active_plan(other, by.user, now=then, start_on=then.date().isoformat(), goal_mg="1")


def told_rarely(patient: Patient, by: Any) -> Any:
    """An intake of two days a week, then 300 days of a plan that gave it every day."""
    plan = followed_for_300_days(patient, by, pattern="rarely", days_per_week=2)
    decide(plan, by, "hold", plan.activated_at + timedelta(days=1), days=None)
    refused = without_path(plan.patient, by)
    assert "own plan gave it on 7 days of a week" in refused.text
    assert not plan.patient.stop_decisions.exists()
    return post(by, "tapers:end", plan.pk, based_on="2")


def told_long_ago(patient: Patient, by: Any) -> Any:
    """An intake of "daily, less than a month" ages: no short taper 300 days later."""
    plan = followed_for_300_days(patient, by, taken_months=0)
    path = reverse("patients:stop", args=[plan.patient_id])
    values = {"reason": "Falls.", "told_to_report": "on", "told_may_restart": "on"}
    page = signed_in(by).post(path, values | {"kind": "short_taper"})
    assert not plan.patient.stop_decisions.exists()
    return page


# The door, how it is tried, and what it says.
DOORS: dict[str, tuple[Callable[[Patient, Any], Any], str]] = {
    "builder": (builder, "would stop the medicine at once"),
    "edit of a draft": (draft, "would stop the medicine at once"),
    "end plan": (of_plan("tapers:end"), "stop the medicine at once"),
    "goal": (of_plan("tapers:goal", goal_mg="0"), "stop the medicine at once"),
    "method": (method, "stop the medicine at once"),
    "stop without a taper": (without_path, "(ASAM-03)"),
    "patient is followed no more": (leave, "End the plan first"),
    "use that began again": (used_again, "not stopped at once"),
    "a restart on a dose": (on_a_dose, "takes a dose on record"),
    "use that became more": (used_more_and_more, "not stopped at once"),
    "use that was told as less": (used_less_by_each_word, "not stopped at once"),
    "told as rare, taken again": (told_rarely_taken_again, "(ASAM-03)"),
    "told as rare, home with some": (told_rarely_home_with_some, "(ASAM-03)"),
    "told as less often": (told_less_often, "(ASAM-03)"),
    "second drug told as less often": (second_drug_told_less_often, "(ASAM-03)"),
    "program": (program, "would stop the medicine at once"),
    "intake": (intake, "the dose of at least one time of day"),
    "end after a discharge with some left": (home_with_some, "(ASAM-03)"),
    "told as rare, given every day": (told_rarely, "stop the medicine at once"),
    "told as new, 300 days ago": (told_long_ago, "(ASAM-03)"),
    "out of a bed after minutes": (short_stay, "must be another prescriber"),
}


@pytest.mark.parametrize("door", DOORS)
def test_no_door_stops_a_medicine_at_once(patient, prescriber, door) -> None:
    try_it, said = DOORS[door]
    page = try_it(patient, prescriber)
    assert said in page.text
    patient.refresh_from_db()
    assert patient.status == "active"
    assert not Restart.objects.filter(agreed="stop_again").exists()
    assert not TaperPlan.objects.filter(status="ended").exists()
    begun = PlanVersion.objects.filter(plan__activated_at__isnull=False)
    assert begun.exclude(kind="hold").count() <= 1
    assert not patient.stop_decisions.exists()


def test_a_prescribers_own_correction_of_the_days_opens_the_documented_path(
    patient, nurse, prescriber
) -> None:
    """Written wrongly at registration: who may document a stop may say so."""
    now = timezone.now()
    tell(patient, nurse, now=now, medication=RARELY)
    assert "(ASAM-03)" in without_path(Patient.objects.get(pk=patient.pk), prescriber).text
    tell(patient, prescriber, now=now, medication=RARELY | {"days_per_week": 1})
    tell(patient, nurse, now=now, medication={"morning_mg": Decimal("0.5")})
    without_path(Patient.objects.get(pk=patient.pk), prescriber)
    assert patient.stop_decisions.get().decided_by == prescriber.user


def test_a_prescriber_who_changes_the_dose_has_not_corrected_the_days(
    patient, nurse, prescriber
) -> None:
    now = timezone.now()
    tell(patient, nurse, now=now, medication=RARELY)
    tell(patient, prescriber, now=now, medication={"morning_mg": Decimal("0.5")})
    assert "(ASAM-03)" in without_path(Patient.objects.get(pk=patient.pk), prescriber).text
    assert not patient.stop_decisions.exists()


def test_a_stop_once_recorded_begins_the_count_of_restarts_anew(patient, prescriber) -> None:
    """Seven days a week was tapered by a plan: a later restart of one day may end."""
    off = timezone.now() - timedelta(days=300)
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=off.date())
    says = {"seen_how": "told", "plan": "As agreed.", "by": prescriber.user, "patient": patient}
    goes_on = {"agreed": "new_taper", "last_dose_on": None}
    record_restart(**says, **goes_on, taken="Each night", days_per_week=7, now=off)
    start = (off + timedelta(days=1)).date().isoformat()
    make_active_plan(patient, prescriber.user, now=off + timedelta(days=1), start_on=start)
    patient.plans.update(
        status="ended",
        left_at=off + timedelta(days=200),
        left_reason="Done.",
        left_by=prescriber.user,
    )
    Patient.objects.filter(pk=patient.pk).update(last_dose_on=(off + timedelta(days=200)).date())
    now = timezone.now()
    goes_on["agreed"] = "stay"
    record_restart(**says, **goes_on, taken="One", days_per_week=1, now=now - timedelta(hours=1))
    ends = {"agreed": "stop_again", "last_dose_on": today()}
    assert record_restart(**says, **ends, taken="None", days_per_week=1, now=now)


def test_there_is_no_admin_to_stop_it_by() -> None:
    assert not apps.is_installed("django.contrib.admin")
    routes = url_names(get_resolver().url_patterns)
    assert not [name for name in routes if name.startswith("admin:")]
