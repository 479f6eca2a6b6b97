"""Changing the clinic in the header, with the board of the other one open in a second tab."""

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.patients.models import Patient, Role, StaffMember
from tests.factories import make_alert, make_clinic, make_member, make_patient
from tests.flows.test_passkey import url  # noqa: F401 - pytest finds fixtures by name
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW


def enter(page: Any, place: str, member: Any) -> None:
    """Sign the browser in."""
    client = Client()
    client.force_login(member.user)
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": place}])


def picture(page: Any, name: str) -> None:
    """Keep a picture where somebody asked for them."""
    if folder := os.environ.get("GLIDEPATH_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_the_header_changes_the_clinic_and_the_old_board_says_so(
    url: str,  # noqa: F811
    desktop_page: Any,
) -> None:
    here = make_member(make_clinic(name="Ash Street Clinic"), Role.NURSE)
    there = make_clinic(name="Birch Street Clinic")
    StaffMember.objects.create(clinic=there, user=here.user, role=Role.NURSE)
    make_alert(make_patient(here.clinic, family_name="Ashling"))
    make_alert(make_patient(there, family_name="Birchall"))
    enter(desktop_page, url, here)
    desktop_page.goto(url)
    desktop_page.get_by_text("Ashling").first.wait_for()
    picture(desktop_page, "two-clinics")
    old = desktop_page.context.new_page()
    old.goto(url)
    old.get_by_text("Ashling").first.wait_for()
    desktop_page.get_by_label("Clinic to work in").select_option(str(there.pk))
    desktop_page.get_by_role("button", name="Change clinic").click()
    desktop_page.get_by_text(f"You work in {there.name} now.").wait_for()
    desktop_page.get_by_text("Birchall").first.wait_for()
    old.get_by_text("You changed to another clinic.").wait_for()
    assert old.get_by_text("Birchall").count() == 0
    picture(old, "old-board")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_a_form_of_the_old_tab_is_sent_where_it_was_meant(
    url: str,  # noqa: F811
    desktop_page: Any,
    script: bool,
) -> None:
    """The other tab has changed the clinic: nothing is done there, and nothing typed is lost."""
    here = make_member(make_clinic(name="Ash Street Clinic"), Role.PRESCRIBER)
    there = make_clinic(name="Birch Street Clinic")
    StaffMember.objects.create(clinic=there, user=here.user, role=Role.PRESCRIBER)
    browser = desktop_page.context.browser
    context = browser.new_context(java_script_enabled=script)
    page, other = context.new_page(), context.new_page()
    enter(page, url, here)
    page.goto(url + reverse("patients:create"))
    page.locator("[name=given_name]").fill("Linnea")
    page.locator("[name=family_name]").fill("Ashling")
    page.locator("[name=birth_date]").fill("1980-02-03")
    other.goto(url + reverse("alerts:rota"))
    other.get_by_label("Clinic to work in").select_option(str(there.pk))
    other.get_by_role("button", name="Change clinic").click()
    other.get_by_text(f"You work in {there.name} now.").wait_for()
    page.locator("main form button[type=submit]").first.click()
    page.get_by_role("heading", name="That page belongs to another clinic").wait_for()
    assert page.get_by_text("Ashling").count() == 1
    picture(page, f"another-clinic-{script}")
    assert not Patient.objects.filter(family_name="Ashling").exists()
    page.get_by_role("button", name=f"Change to {here.clinic.name} and send it there").click()
    if not script:
        page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="New patient").wait_for()
    assert page.locator("[name=family_name]").input_value() == "Ashling", "all of it is there"
    assert page.locator(".brand__clinic").inner_text() == here.clinic.name
    assert not Patient.objects.filter(family_name="Ashling").exists(), "a medicine is missing yet"
    context.close()
