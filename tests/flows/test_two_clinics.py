"""Changing the clinic in the header, with the board of the other one open in a second tab."""

import os
from pathlib import Path
from typing import Any

from django.test import Client

from apps.patients.models import Role, StaffMember
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
