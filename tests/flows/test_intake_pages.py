"""The intake in a real browser: slips of typing, save and continue, also without JavaScript."""

from typing import Any

import pytest

from apps.patients.models import Patient
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW


@pytest.fixture
def system(site: Any) -> Any:
    """Web in demo mode."""
    return site


def fill_first_page(page: Any, url: str) -> None:
    """Register with three slips: a comma, a tenfold dose, days that contradict the pattern."""
    page.goto(f"{url}/patients/new/")
    page.get_by_label("Given name").fill("Zephyrine")
    page.get_by_label("Family name").fill("Quillfeather")
    page.get_by_label("Date of birth").fill("1979-03-02")
    page.get_by_label("Phone").fill("555-7391")
    page.locator("#id_drug_id").select_option("clonazepam")
    page.locator("#id_taken_months").fill("36")
    page.locator("#id_morning_mg").fill("0,5")
    send(page, "Register patient")
    assert page.locator("#id_morning_mg").input_value() == "0,5"
    page.locator("#id_morning_mg").fill("25")
    page.locator("#id_days_per_week").fill("3")
    send(page, "Register patient")
    assert page.locator("#error_1_id_dose_confirmed").is_visible()
    assert page.locator("#error_1_id_days_per_week").is_visible()
    page.locator("#id_morning_mg").fill("0.5")
    page.locator("#id_days_per_week").fill("7")
    send(page, "Register patient")
    page.get_by_role("heading", name="Withdrawal so far").wait_for()


def send(page: Any, button: str) -> None:
    page.get_by_role("button", name=button).click()
    page.wait_for_load_state()


def test_an_intake_with_slips_is_saved_section_by_section_without_javascript(
    system, people, browser, screenshot
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{system.url}/demo/")
    page.get_by_role("button", name="Lea Leader").click()
    fill_first_page(page, system.url)
    group = page.get_by_role("group", name="Seizure in an earlier withdrawal")
    group.get_by_label("Yes", exact=True).check()
    page.locator("#id_t1_when").fill("spring 2019")
    send(page, "Save and continue")
    assert page.locator("#id_t1_when").input_value() == "spring 2019"
    assert group.get_by_label("Yes", exact=True).is_checked()
    page.locator("#id_t1_ended").select_option("seizure")
    send(page, "Save and continue")
    page.get_by_role("heading", name="Health", exact=True).wait_for()
    screenshot(page, "section")
    send(page, "Save and see the result")
    page.get_by_text("High").first.wait_for()
    screenshot(page, "result")
    context.close()
    risk = Patient.objects.get().risk
    assert (risk.tier, risk.prior_wd_seizure, risk.epilepsy) == ("high", True, None)
