"""What waits for a proof, in a browser: two tabs, a file, and a form that goes on by itself."""

from typing import Any

import pytest
from django.urls import reverse

from apps.patients.models import Role
from tests.factories import PASSWORD, make_clinic, make_member, make_patient
from tests.flows.test_two_clinics import enter, picture
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW


@pytest.fixture
def url(parts: Any) -> str:
    """A web part that is no demonstration: that one asks for no proof."""
    parts.web()
    return str(parts.url)


def prove(page: Any) -> None:
    """Type the password that the page asks for."""
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_two_tabs_go_on_each_at_its_own_address(url: str, desktop_page: Any) -> None:
    admin = make_member(make_clinic(), Role.CLINIC_ADMIN)
    first, place = desktop_page, url + reverse("dashboard:staff")
    enter(first, url, admin)
    second = first.context.new_page()
    for page, address in ((first, "one@clinic.example"), (second, "two@clinic.example")):
        page.goto(place)
        page.get_by_label("Work e-mail").fill(address)
        page.locator("select[name=role]").select_option("clinic_admin")
        page.get_by_role("button", name="Send the invitation").click()
        page.get_by_text(f"Invite {address} to the staff").wait_for()
    picture(first, "proof")
    prove(first)
    first.get_by_text("An invitation is on its way to one@clinic.example").wait_for()
    prove(second)
    second.get_by_text("An invitation is on its way to two@clinic.example").wait_for()
    assert first.url == second.url == place
    first.go_back()
    first.get_by_role("heading", name="This does not wait any more").wait_for()
    picture(first, "gone")


def test_a_file_comes_and_the_page_leads_back(url: str, desktop_page: Any) -> None:
    prescriber = make_member(make_clinic(), Role.PRESCRIBER)
    patient = make_patient(prescriber.clinic)
    enter(desktop_page, url, prescriber)
    place = url + reverse("exchange:record_export", args=[patient.pk])
    desktop_page.goto(place)
    desktop_page.locator("input[name=why][value=transfer]").check()
    desktop_page.get_by_role("button", name="Download the file").click()
    desktop_page.locator("input[type=password]").wait_for()
    desktop_page.get_by_text(f"Take the whole record of {patient.reference} along").wait_for()
    with desktop_page.expect_download() as file:
        prove(desktop_page)
    assert file.value.suggested_filename == f"record-{patient.reference}.json"
    picture(desktop_page, "file")
    desktop_page.get_by_role("link", name="Back to the page").click()
    desktop_page.wait_for_url(place)


def test_without_scripts_a_button_goes_on(url: str, browser: Any) -> None:
    admin = make_member(make_clinic(), Role.CLINIC_ADMIN)
    page = browser.new_context(java_script_enabled=False).new_page()
    enter(page, url, admin)
    page.goto(url + reverse("dashboard:staff"))
    page.get_by_label("Work e-mail").fill("one@clinic.example")
    page.locator("select[name=role]").select_option("clinic_admin")
    page.get_by_role("button", name="Send the invitation").click()
    prove(page)
    picture(page, "go_on")
    page.get_by_role("button", name="Go on").click()
    page.get_by_text("An invitation is on its way to one@clinic.example").wait_for()
    page.context.close()
