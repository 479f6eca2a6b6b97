"""A patient's own way on the smallest phone: from the invitation to a trusted person's alarm."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.patients.models import Patient
from apps.portal.actions import give_consent
from apps.portal.models import PatientSession
from tests.flows.test_browser_path import enter_as
from tests.flows.test_phone_pages import barriers, barriers_without_script
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW
SMALLEST = {"width": 320, "height": 640}
ADDRESS = "own@home.example"
OWN = ("home", "trend", "far", "coping", "check_ins", "trusted", "settings", "calendar", "export",
       "consent", "withdraw", "help")  # fmt: skip
Look = Callable[[Any, str], None]


@pytest.fixture
def look(screenshot: Any) -> Look:
    """Keep a picture of a page and find it without a barrier, in the light and in the dark."""

    def look_at(page: Any, name: str) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            screenshot(page, f"{name} {scheme}")
            assert barriers(page) == [], (name, scheme)

    return look_at


def path_of(name: str, patient: Patient) -> str:
    """Return the address of an own page; help is its clinic's."""
    return reverse(f"portal:{name}", args=[patient.clinic_id] if name == "help" else [])


def path_in(mail: Any, start: str) -> str:
    """Return the path of the link in a mail."""
    return re.search(rf"https?://[^/\s]+({start}\S+)", mail.text)[1]


def tap(page: Any) -> None:
    """Press the page's main button by the keyboard alone."""
    page.locator("main .btn--send").first.focus()
    page.keyboard.press("Enter")


def test_from_the_invitation_to_the_trusted_persons_alarm(
    parts, smtp, people, marked_patient, browser, look
) -> None:
    parts.worker()
    parts.web(GLIDEPATH_DEMO="1")
    url = parts.url
    Patient.objects.update(language="es", email=ADDRESS)
    page = browser.new_page(viewport=SMALLEST, locale="es")
    page.set_default_timeout(30_000)
    by_staff(browser, url, marked_patient, "Send the invitation", look)
    (mail,) = smtp.wait_for(1, to=ADDRESS, timeout=30)
    come_in(page, url + path_in(mail, "/me/"), smtp, look)
    assert page.locator("h1").inner_text() == "Hola, Zephyrine"
    for name in OWN:
        page.goto(url + path_of(name, marked_patient))
        look(page, name)
    page.goto(url + reverse("portal:trusted"))
    page.locator("#i-name").fill("Robin")
    page.locator("#i-email").fill("robin@home.example")
    page.locator("#i-sees_dose").press("Space")
    tap(page)
    page.locator(".card h2").wait_for()
    look(page, "named a person")
    (letter,) = smtp.wait_for(1, to="robin@home.example", timeout=30)
    friend = browser.new_page(viewport=SMALLEST)
    friend.set_default_timeout(30_000)
    report_by_keyboard(friend, url + path_in(letter, "/t/"), look)
    smtp.wait_for(1, to=people["on_call"].user.email, timeout=30)
    assert Alert.objects.get().source_type == "trusted_person"
    by_staff(browser, url, marked_patient, "End every way in", look)
    assert not PatientSession.objects.filter(ended_at__isnull=True).exists()
    page.goto(url + reverse("portal:home"))
    page.wait_for_url("**/me/sign-in/")
    look(page, "signed out")
    friend.goto(url + path_in(letter, "/t/"))
    look(friend, "link ended")
    page.close()
    friend.close()


def come_in(page: Any, link: str, smtp: Any, look: Look) -> None:
    """Go from the invitation's mail to the first own page with the keys alone."""
    page.goto(link)
    look(page, "invited")
    tap(page)
    page.locator("#i-agree").focus()
    look(page, "consent to give")
    page.keyboard.press("Space")
    tap(page)
    page.locator("#i-remind_at").wait_for()
    look(page, "preferences")
    tap(page)
    page.locator("#i-code").wait_for()
    look(page, "code")
    letters = smtp.wait_for(2, to=ADDRESS, timeout=30)
    page.locator("#i-code").focus()
    page.keyboard.type(re.search(r"\d{4} \d{4}", letters[-1].text)[0])
    page.keyboard.press("Enter")
    page.locator(".card--dose").wait_for()


def report_by_keyboard(page: Any, link: str, look: Look) -> None:
    """Open the trusted person's link, look at the dose, and report a seizure."""
    page.goto(link)
    look(page, "trusted door")
    page.locator("main form button").press("Enter")
    page.locator(".card--dose").wait_for()
    look(page, "trusted page")
    page.goto(link + "report/")
    look(page, "trusted report")
    page.locator("input[value='seizure']").press("Space")
    tap(page)
    page.locator(".saved--ok").wait_for()
    look(page, "trusted done")


def by_staff(browser: Any, url: str, patient: Patient, button: str, look: Look) -> None:
    """Press a button of the staff's page about a patient's own pages."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(30_000)
    enter_as(page, url, "Lea Leader")
    page.goto(f"{url}/patients/{patient.pk}/own-pages/")
    page.get_by_role("button", name=button).press("Enter")
    page.locator(".note, .alert, [role=status]").first.wait_for()
    look(page, button)
    page.close()


def test_without_script_and_at_twice_the_text_size(
    site, marked_patient, browser, screenshot
) -> None:
    give_consent(patient=marked_patient, language="en", now=timezone.now())
    page = browser.new_page(viewport=SMALLEST, java_script_enabled=False)
    page.set_default_timeout(30_000)
    enter_own_pages(page, site.url, marked_patient)
    page.get_by_role("button", name="Please call me today").click()
    page.get_by_text("You asked for a call.").wait_for()
    page.close()
    page = browser.new_page(viewport=SMALLEST)
    enter_own_pages(page, site.url, marked_patient)
    for name in OWN:
        page.goto(site.url + path_of(name, marked_patient))
        page.evaluate("document.documentElement.style.fontSize = '225%'")
        screenshot(page, f"large {name}")
        assert barriers_without_script(page) is False, name
    page.close()
    assert PatientSession.objects.count() == 2


def enter_own_pages(page: Any, url: str, patient: Patient) -> None:
    """Sign the patient in by the demonstration's door."""
    page.goto(url + "/demo/")
    token = page.locator("input[name=csrfmiddlewaretoken]").first.get_attribute("value")
    page.request.post(
        f"{url}/demo/own-pages/{patient.pk}/",
        form={"csrfmiddlewaretoken": token}, headers={"Referer": url},
    )  # fmt: skip
    page.goto(url + reverse("portal:home"))
