"""No door stops a medicine at once: each refuses with the reason and the documented path."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from apps.patients.intake_actions import SectionValues, document_stop, save_section
from apps.patients.models import FurtherMedicine, Medication, Patient
from apps.tapers.actions_changes import EndError, change_plan
from apps.tapers.changes import Change
from apps.tapers.models import PlanVersion, TaperPlan
from apps.tapers.signable import ActivationError, Signing
from tests.conftest import signed_in
from tests.factories import (
    make_active_plan,
    make_care_level,
    make_patient,
    make_plan,
    proof_of,
    sign,
)

RARELY = {"pattern": "rarely", "days_per_week": 2}
AT_ONCE = {"method": "custom", "daily_mg": "0"}


def today_of(patient: Patient) -> date:
    return timezone.localdate(timezone=patient.tz)


def half_way(patient: Patient, by: Any, goal_mg: str = "1.5") -> TaperPlan:
    """Return an active plan none of whose cuts is too fast."""
    method = {"kind": "percent_of_current", "percent": "10"}
    if goal_mg == "1.5":
        method = {"kind": "fixed_mg", "mg": "0.5"}
    return make_active_plan(
        patient, by.user, now=timezone.now(), start_on=today_of(patient).isoformat(),
        method=method, goal_mg=goal_mg,
    )  # fmt: skip


def post(member: Any, name: str, key: Any, **values: str) -> Any:
    """Send a form; what it shows is saved by the second try, as seen."""
    agreed = {
        "agreed_on": timezone.localdate(timezone=ZoneInfo("America/New_York")).isoformat(),
        "agreed_how": "visit",
    }
    data = {"based_on": "1", "reason": "Asks for it.", "save": "1"}
    data |= proof_of(member) | agreed | values
    client, url = signed_in(member), reverse(name, args=[key])
    page = client.post(url, data)
    preview = page.context.get("preview") if page.context else None
    return client.post(url, data | {"seen": preview.seen}) if hasattr(preview, "seen") else page


def end(plan: TaperPlan, member: Any, now: datetime) -> None:
    change_plan(
        plan=plan, change=Change("end", "Stop"), based_on=plan.latest.number,
        signing=Signing("two_factors"), by=member.user, now=now,
    )  # fmt: skip


def document(patient: Patient, by: Any, kind: str = "stop") -> None:
    document_stop(
        patient=patient, kind=kind, reason="Falls.", told_to_report=True, told_may_restart=True,
        by=by.user, now=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize(
    "typed",
    [
        AT_ONCE,
        {"method": "custom", "daily_mg": "1.5\n0"},
        {"method": "custom", "daily_mg": "0.125\n0", "interval_days": "7"},
        {"method": "percent_of_current", "percent": "100"},
        {"method": "percent_of_start", "percent": "100"},
        {"method": "fixed_mg", "mg": "2"},
        {"method": "hyperbolic", "steps": "1"},
        {
            "edit": "1",
            "method": "fixed_mg",
            "mg": "0.25",
            "table_interval_days": "14",
            "edit_2": "0",
        },
    ],
    ids=lambda typed: " ".join(typed.values()).replace("\n", ","),
)
@pytest.mark.parametrize("button", ["preview", "save"])
def test_the_builder_refuses(patient, prescriber, typed, button) -> None:
    start = {"start_on": today_of(patient).isoformat(), "interval_days": "14", "goal_mg": "0"}
    url = reverse("tapers:create", args=[patient.pk])
    page = signed_in(prescriber).post(url, start | typed | {button: "1"})
    assert page.status_code == 422
    assert "would stop the medicine at once" in page.text
    assert "(ASAM-03)" in page.text
    assert "(ASAM-05)" in page.text
    assert reverse("patients:stop", args=[patient.pk]) in page.text
    assert not TaperPlan.objects.exists()


@pytest.mark.parametrize(
    ("door", "goal_mg", "typed"),
    [
        ("tapers:goal", "1.5", {"goal_mg": "0"}),
        ("tapers:method", "0", AT_ONCE),
        ("tapers:method", "0", {"method": "percent_of_current", "percent": "100"}),
        ("tapers:end", "1.5", {}),
    ],
)
def test_a_live_plan_refuses(clinic, prescriber, door, goal_mg, typed) -> None:
    doses = {"morning": "10", "night": "10"}
    patient = (
        make_patient(clinic, drug_id="diazepam", slots=doses)
        if goal_mg == "0"
        else make_patient(clinic)
    )
    plan = half_way(patient, prescriber, goal_mg)
    page = post(prescriber, door, plan.pk, breach_reason="Falls every night.", **typed)
    assert page.status_code == 422
    assert "stop the medicine at once" in page.text
    assert "(ASAM-03)" in page.text
    assert "(ASAM-05)" in page.text
    plan.refresh_from_db()
    assert (plan.status, PlanVersion.objects.count()) == ("active", 1)


def test_an_open_hold_is_no_way_round(patient, prescriber) -> None:
    plan = half_way(patient, prescriber)
    assert post(prescriber, "tapers:hold", plan.pk, length="open").status_code == 302
    assert post(prescriber, "tapers:end", plan.pk, based_on="2").status_code == 422
    assert post(prescriber, "tapers:stop", plan.pk, based_on="2").status_code == 302
    assert post(prescriber, "tapers:end", plan.pk, based_on="3").status_code == 302
    plan.refresh_from_db()
    assert (plan.status, plan.left_reason, plan.left_by) == (
        "ended", "Asks for it.", prescriber.user,
    )  # fmt: skip


def test_a_patient_on_a_dose_is_not_left_behind(patient, prescriber) -> None:
    half_way(patient, prescriber)
    url = reverse("patients:status", args=[patient.pk])
    page = signed_in(prescriber).post(url, {"status": "ended"}, follow=True)
    assert "The active plan gives 2 mg a day. End the plan first" in page.text
    patient.refresh_from_db()
    assert patient.status == "active"


def test_a_stop_at_a_dose_and_an_end_leave_nobody_behind(patient, nurse, prescriber) -> None:
    plan = half_way(patient, prescriber)
    assert post(prescriber, "tapers:stop", plan.pk).status_code == 302
    end(plan, prescriber, timezone.now())
    url = reverse("patients:status", args=[patient.pk])
    said = "The plan that ended left the patient on 2 mg a day. Make a plan for the rest first"
    assert said in signed_in(prescriber).post(url, {"status": "ended"}, follow=True).text
    again = SectionValues(medication={"night_mg": Decimal(1)})
    patient.refresh_from_db()
    save_section(
        patient=patient, section="medicine", by=nurse.user, now=timezone.now(), values=again,
        based_on=patient.intake_version,
    )  # fmt: skip
    page = signed_in(prescriber).post(url, {"status": "ended"}, follow=True)
    assert said in page.text, "an intake told anew is no plan"
    patient.refresh_from_db()
    assert patient.status == "active"


def test_a_hospital_gets_the_dose_and_nothing_is_stopped(patient, prescriber) -> None:
    plan = half_way(patient, prescriber)
    shown = signed_in(prescriber).get(reverse("tapers:inpatient", args=[plan.pk]))
    assert "takes over at <b>2 mg a day</b>" in shown.text
    assert post(prescriber, "tapers:inpatient", plan.pk).status_code == 302
    plan.refresh_from_db()
    assert (plan.status, plan.left_reason) == ("inpatient", "Asks for it.")
    asked = signed_in(prescriber).get(reverse("tapers:end", args=[plan.pk]))
    assert "what the patient takes now" in asked.text


def test_there_is_no_other_admin_door() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("admin:index")


def test_all_that_is_taken_counts_and_not_the_main_drug_alone(clinic, prescriber) -> None:
    """Zolpidem now and then is rare by itself; alprazolam beside it every day is not."""
    patient = make_patient(clinic, medication=RARELY)
    plan = half_way(patient, prescriber)
    document(patient, prescriber)
    taken = {"drug_id": "alprazolam_ir", "morning_mg": "2", "taken_months": 24}
    FurtherMedicine.objects.create(patient=patient, position=1, **taken)
    with pytest.raises(EndError, match="ASAM-03"):
        end(plan, prescriber, timezone.now())
    FurtherMedicine.objects.all().delete()
    end(plan, prescriber, timezone.now())


def test_the_documented_path_opens_the_builder_and_a_new_fact_closes_it(clinic, prescriber) -> None:
    now = timezone.now()
    patient = make_patient(clinic, medication=RARELY)
    start = today_of(patient).isoformat()
    typed = AT_ONCE | {"start_on": start, "interval_days": "14", "save": "1"}
    page = post(prescriber, "tapers:create", patient.pk, **typed)
    assert "Dependence is unlikely" in page.text
    document(patient, prescriber, "short_taper")
    assert post(prescriber, "tapers:create", patient.pk, **typed).status_code == 422
    document(patient, prescriber)
    seen = post(prescriber, "tapers:create", patient.pk, **typed).context["shown"].seen
    assert post(prescriber, "tapers:create", patient.pk, **typed, seen=seen).status_code == 302
    make_care_level(patient, prescriber.user, now=now)
    Medication.objects.filter(patient=patient).update(pattern="daily", days_per_week=7)
    with pytest.raises(ActivationError, match="ASAM-03"):
        sign(TaperPlan.objects.get(), prescriber.user, now=now, breach_reason="Falls.")
    Medication.objects.filter(patient=patient).update(pattern="rarely", days_per_week=2)
    plan = sign(TaperPlan.objects.get(), prescriber.user, now=now, breach_reason="Falls.")
    assert plan.status == "draft", "a second prescriber signs too"


def test_a_decision_is_used_up_when_a_plan_begins_after_it(clinic, prescriber) -> None:
    patient = make_patient(clinic, medication=RARELY)
    document(patient, prescriber)
    later = timezone.now() + timedelta(minutes=1)
    draft = make_plan(
        patient, prescriber.user, now=later, start_on=today_of(patient).isoformat(), goal_mg="1"
    )
    plan = sign(draft, prescriber.user, now=later)
    with pytest.raises(EndError, match="ASAM-05"):
        end(plan, prescriber, later)
