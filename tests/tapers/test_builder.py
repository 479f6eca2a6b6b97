"""The builder's page: every method, live without a script too, wrong values told in place."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.clinical.methods import PRESETS
from apps.tapers.models import TaperPlan
from tests.conftest import signed_in
from tests.factories import make_patient

pytestmark = pytest.mark.django_db
BASE = {
    "start_on": (timezone.localdate() + timedelta(days=9)).isoformat(),
    "interval_days": "14", "goal_mg": "0",
    "method": "percent_of_current", "percent": "10", "swap_days": "7", "then": "percent_of_current",
}  # fmt: skip
SWITCH = {"method": "switch", "to_drug": "diazepam", "source": "ashton_low"}


def post(member, patient, button="preview", **changes):
    url = reverse("tapers:create", args=[patient.pk])
    return signed_in(member).post(url, BASE | {button: "1"} | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": "percent_of_start"},
        {"method": "fixed_mg", "mg": "0.25"},
        {"method": "hyperbolic", "steps": "12"},
        {"method": "custom", "daily_mg": "1.75\n1.5\n1.25"},
        SWITCH,
        SWITCH | {"then": "preset:ashton"},
    ],
)
def test_every_method_is_previewed_and_saved(patient, prescriber, changes) -> None:
    page = post(prescriber, patient, **changes)
    assert page.status_code == 200, page.context["form"].errors
    assert page.context["chart"]["points"]
    assert not TaperPlan.objects.exists()
    assert post(prescriber, patient, "save", **changes).status_code == 302
    steps = TaperPlan.objects.get().version.steps
    assert steps.count() == len(page.context["preview"]["steps"])


@pytest.mark.parametrize("name", PRESETS)
def test_every_published_method_is_offered(clinic, prescriber, name) -> None:
    patient = make_patient(clinic, drug_id="diazepam", slots={"morning": "10", "night": "10"})
    page = post(prescriber, patient, method=f"preset:{name}", interval_days="")
    assert page.status_code == 200, page.context["form"].errors
    assert page.context["preview"]["steps"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"percent": "7,5"}, "percent"),
        ({"percent": "١٠"}, "percent"),
        ({"percent": ""}, "percent"),
        ({"percent": "150"}, "percent"),
        ({"goal_mg": "0,5"}, "goal_mg"),
        ({"goal_mg": "20"}, "goal_mg"),
        ({"interval_days": "3"}, "interval_days"),
        ({"start_on": "tomorrow"}, "start_on"),
        ({"start_on": "2020-01-01"}, "start_on"),
        ({"start_on": "2190-01-01"}, "start_on"),
        ({"method": "fixed_mg", "mg": "0.333"}, "mg"),
        ({"method": "custom", "daily_mg": "1,75 1.5"}, "daily_mg"),
        ({"method": "custom", "daily_mg": "17.5 1.5"}, "daily_mg"),
        ({"method": "custom", "daily_mg": "1.5 1.75"}, "daily_mg"),
        ({"method": "switch", "to_drug": "diazepam"}, "source"),
        (SWITCH | {"to_drug": ""}, "to_drug"),
        (SWITCH | {"to_drug": "clonazepam"}, "to_drug"),
        ({"method": "preset:ashton"}, "method"),
    ],
)
def test_a_wrong_value_is_told_at_its_field_and_kept(patient, prescriber, changes, field) -> None:
    page = post(prescriber, patient, "save", **changes)
    assert page.status_code == 422
    form = page.context["form"]
    assert form.errors[field]
    for name, value in changes.items():
        assert form[name].value() == value
    assert not TaperPlan.objects.exists()


def test_a_switch_has_no_source_by_default(patient, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:create", args=[patient.pk]))
    assert not page.context["form"]["source"].value()


def test_the_present_dose_is_shown_by_every_source(patient, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:create", args=[patient.pk]))
    assert len(page.context["equivalents"]) == 3


def test_the_preview_is_live_and_nothing_is_evaluated(patient, prescriber) -> None:
    page = signed_in(prescriber).get(reverse("tapers:create", args=[patient.pk]))
    assert "htmx-2.min.js" in page.text
    assert '"allowEval":false' in page.text
    assert "unsafe" not in page.headers["Content-Security-Policy"]
