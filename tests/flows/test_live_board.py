"""A nurse's morning on an open board: live, by keyboard alone, without a barrier."""

import re
from typing import Any

import pytest
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.models import CareTask
from apps.checkins.task_actions import close_task
from tests.factories import make_alert, make_task
from tests.flows.test_browser_path import enter_as
from tests.harness.barriers import barriers
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW


@pytest.fixture
def url(site: Any) -> str:
    """The web part alone, in demo mode."""
    found: str = site.url
    return found


def test_a_nurses_morning_by_keyboard(
    url, people, marked_patient, desktop_page, screenshot
) -> None:
    """A red flag comes up by itself; it is taken, acted on, a task closed, undone, handed on."""
    page = desktop_page
    task = make_task(marked_patient, now=timezone.now())
    page.goto(url)
    assert barriers(page) == []  # the door of the demonstration
    enter_as(page, url, "Nell Oncall")
    assert barriers(page) == []
    alert = make_alert(marked_patient, "emergency", now=timezone.now())
    page.get_by_text(alert.reference).wait_for()
    screenshot(page, "1 a red flag came up")
    page.keyboard.press("j")
    page.keyboard.press("t")
    page.get_by_text("Nell Oncall has it").first.wait_for()
    assert Alert.objects.get().owner.full_name == "Nell Oncall"
    numbers = page.locator(f"[data-key='alert-{alert.pk}'] a[href^='tel:']")
    assert numbers.get_attribute("href") == "tel:5557391"
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.keyboard.type("Spoke")  # the select has the focus
    page.keyboard.press("Tab")
    page.keyboard.type("Slept badly, well otherwise.")
    screenshot(page, "2 closing a task")
    assert barriers(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Undo").wait_for()
    task.refresh_from_db()
    assert (task.outcome, task.note) == ("spoke", "Slept badly, well otherwise.")
    page.get_by_role("button", name="Undo").press("Enter")
    page.get_by_text("Open again").wait_for()
    assert CareTask.objects.open().count() == 1
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys of this board").wait_for()
    assert barriers(page) == []
    page.keyboard.press("Escape")  # back to the board
    page.locator(f"[data-key='task-{task.pk}'] [data-open]").focus()
    page.keyboard.press("x")
    page.get_by_text("1 chosen").wait_for()
    page.keyboard.press("s")
    assert page.evaluate("document.activeElement.value") == "take"
    page.locator(f"[data-key='task-{task.pk}'] [data-open]").focus()
    page.keyboard.press("o")
    page.get_by_text("Give it to a colleague").press("Enter")
    page.get_by_label("Give it to", exact=True).select_option(label=str(people["backup"]))
    page.get_by_role("button", name="Hand it on").press("Enter")
    page.get_by_text("Bram Backup has it now.").wait_for()
    task.refresh_from_db()
    assert task.owner == people["backup"].user


def test_what_is_typed_stays_while_the_board_changes(
    url, people, marked_patient, desktop_page
) -> None:
    page = desktop_page
    make_task(marked_patient, now=timezone.now())
    enter_as(page, url, "Nell Oncall")
    page.locator("details.close-here summary").first.click()
    page.get_by_label("Note", exact=True).first.fill("Half a sentence")
    alert = make_alert(marked_patient, "urgent", now=timezone.now())
    page.get_by_text(alert.reference).wait_for()
    kept = page.locator(".job--task textarea").first
    assert kept.input_value() == "Half a sentence"
    # A colleague closes it meanwhile: the line goes when its form is put away, not before.
    now = timezone.now()
    close_task(
        task=CareTask.objects.get(), by=people["backup"].user, outcome="spoke", note="", now=now
    )
    page.get_by_text("Nothing is due today").wait_for()
    assert kept.input_value() == "Half a sentence"
    kept.press("Escape")
    page.locator(".job--task").wait_for(state="detached")


def test_every_sign_of_the_chart_can_be_seen_and_read_by_keyboard(
    url, people, marked_patient, desktop_page
) -> None:
    """A cross in the colour of the paper is no sign: missed days and changes of the plan."""
    page = desktop_page
    enter_as(page, url, "Nell Oncall")
    page.goto(f"{url}/patients/{marked_patient.pk}/")
    surface = page.locator(".panel").first.evaluate("e => getComputedStyle(e).backgroundColor")
    for kind in ("missed", "version"):
        sign = page.locator(f".key-sign .c-mark--{kind}")
        assert sign.evaluate("e => getComputedStyle(e).stroke") not in (surface, "none")
    page.locator(".chart-wrap").focus()
    page.keyboard.press("End")
    assert "version 1" in page.locator(".chart-said").inner_text()


def test_who_is_signed_out_elsewhere_is_told_and_who_signed_in_anew_is_not(
    url, people, marked_patient, desktop_page
) -> None:
    page = desktop_page
    alert = make_alert(marked_patient, "watch", now=timezone.now())
    enter_as(page, url, "Nell Oncall")
    page.context.clear_cookies(name=re.compile("csrftoken"))  # as a sign-in in another tab does
    other = page.context.new_page()
    other.goto(url)
    other.close()
    page.locator("[data-take]").click()
    page.get_by_text("is yours.").wait_for()
    alert.refresh_from_db()
    assert alert.owner.full_name == "Nell Oncall"
    page.context.clear_cookies()
    page.get_by_text("You are signed out").wait_for()
