"""The whole path as people walk it, in a real browser: desk screen, phone, mail."""

import re
from typing import Any

import pytest
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.models import CheckIn
from apps.patients.models import Patient
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW

SCALES = (
    "s_anx", "s_restless", "s_shaky", "s_sweat", "s_stomach", "s_jerks", "s_senses", "s_fog",
    "s_mood", "s_sleep",
)  # fmt: skip
ANSWERS = {
    "dose_taken": "yes_all",
    "seizure": "yes",
    **dict.fromkeys(SCALES, "1"),
    "red_flags": "none",
    "alcohol_drinks": "0",
    "other_drugs": "none",
    "si": "no",
}


@pytest.fixture
def system(parts: Any) -> Any:
    """Web in demo mode, a worker and the dispatcher."""
    parts.web(GLIDEPATH_DEMO="1")
    parts.worker()
    parts.dispatcher()
    return parts


def enter_as(page: Any, url: str, name: str) -> None:
    page.goto(url)
    page.get_by_role("button", name=re.compile(name)).click()
    page.get_by_role("heading", name="Board").wait_for()


def register(page: Any) -> None:
    """Fill the form as a prescriber does; first with a slip that is told beside its field."""
    page.get_by_role("link", name="New patient").click()
    page.get_by_label("Given name").fill("Zephyrine")
    page.get_by_label("Family name").fill("Quillfeather")
    page.get_by_label("Date of birth").fill("1979-03-02")
    page.get_by_label("Phone").fill("555-7391")
    page.get_by_label("Benzodiazepine taken now").select_option("clonazepam")
    page.locator("#id_taken_months").fill("36")
    page.locator("#id_morning_mg").fill("1,0")
    page.locator("#id_night_mg").fill("1")
    page.get_by_role("button", name="Register patient").click()
    assert page.get_by_label("Family name").input_value() == "Quillfeather"
    assert page.locator("#id_morning_mg").input_value() == "1,0"
    page.locator("#id_morning_mg").fill("1")
    page.get_by_role("button", name="Register patient").click()
    page.get_by_role("heading", name="Zephyrine Quillfeather").wait_for()
    ask_about_risk(page)


def ask_about_risk(page: Any) -> None:
    """Answer each section's questions, one with yes, and go on to the patient's page."""
    for _ in range(3):
        for number in range(page.locator("fieldset.answer").count()):
            page.locator("fieldset.answer").nth(number).get_by_label("No", exact=True).check()
        seizure = page.get_by_role("group", name="Seizure in an earlier withdrawal")
        if seizure.count():
            seizure.get_by_label("Yes", exact=True).check()
        page.get_by_role("button", name="Save and continue").click()
        page.get_by_text("is saved.").wait_for()
    page.get_by_label("I asked which other medicines the patient takes").check()
    page.get_by_role("button", name="Save and see the result").click()
    page.get_by_role("heading", name="Seizure risk").wait_for()
    page.get_by_role("link", name="Zephyrine Quillfeather").click()


def plan_and_activate(page: Any) -> None:
    """Answer the level of care, preview, save and activate; the risk is high and asks for more."""
    page.get_by_role("link", name="Care", exact=True).click()
    page.get_by_role("link", name="Answer the level of care").click()
    for number in range(3):
        page.get_by_label("No", exact=True).nth(number).check()
    page.get_by_label("Outpatient with daily contact").check()
    page.get_by_role("button", name="Keep the decision").click()
    page.get_by_text("Level of care: outpatient with daily contact.").wait_for()
    page.get_by_role("link", name="Zephyrine Quillfeather").click()
    page.get_by_role("link", name="New taper plan").first.click()
    page.get_by_label("Why this plan").fill("Wishes to sleep without it.")
    page.get_by_label("Goal (mg a day)").fill("1")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("clonazepam 0.5 mg tablet").first.wait_for()
    page.get_by_role("button", name="Save draft").first.click()
    today = timezone.now().astimezone(Patient.objects.get().tz).date()
    page.get_by_label("The patient agreed on").fill(today.isoformat())
    page.get_by_label("How", exact=True).select_option("visit")
    page.get_by_label("I sign this").check()
    page.get_by_role("button", name="Sign and activate").click()
    page.get_by_text("This patient's seizure risk is high").first.wait_for()
    page.get_by_label("Why outpatient care is right").fill("Seen weekly, sister at home.")
    page.get_by_role("button", name="Sign and activate").click()
    page.get_by_text("The plan is active.").wait_for()


def make_link(page: Any) -> str:
    page.get_by_role("button", name="New check-in link").click()
    link: str = page.get_by_label("Link", exact=True).input_value()
    return link


def test_from_registration_to_a_closed_alert(
    system, smtp, people, desktop_page, phone_page, screenshot
) -> None:
    desk, phone = desktop_page, phone_page
    enter_as(desk, system.url, "Lea Leader")
    screenshot(desk, "1 board")
    register(desk)
    plan_and_activate(desk)
    screenshot(desk, "2 patient")
    link = make_link(desk)

    phone.goto(link)
    screenshot(phone, "3 check-in")
    tap(phone, "dose_taken", "yes_all")
    phone.get_by_label("How many days of medicine do you have left?").fill("20")
    phone.get_by_role("button", name="Next").click()
    tap(phone, "seizure", "yes")
    advice = phone.get_by_text("A seizure can happen again")
    advice.first.wait_for(state="visible")
    assert phone.locator("a[href='tel:911']").first.is_visible()
    screenshot(phone, "4 advice at the tap")
    assert CheckIn.objects.count() == 0
    finish(phone)
    phone.get_by_text("We are telling the person on call now").wait_for()
    screenshot(phone, "5 advice after sending")

    (mail,) = smtp.wait_for(1, to=people["on_call"].user.email)
    (url,) = re.findall(rf"{re.escape(system.url)}/alerts/\S+", mail.text)[:1]
    enter_as(desk, f"{system.url}/demo/", "Nell Oncall")
    desk.get_by_text("Zephyrine Quillfeather").first.wait_for()
    screenshot(desk, "6 board with the alert")
    desk.goto(f"{system.url}/alerts/{Alert.objects.get().pk}/")
    screenshot(desk, "7 alert")
    desk.get_by_role("button", name="Take this alert").click()
    desk.get_by_label("What was done").select_option("emergency_care")
    desk.get_by_role("button", name="Close alert").click()
    desk.locator("#id_resolveform_note").fill("Ambulance called, sister with her.")
    desk.get_by_role("button", name="Close alert").click()
    desk.get_by_text("is closed").wait_for()
    screenshot(desk, "8 board again")
    alert = Alert.objects.get()
    assert url.startswith(system.url)
    assert (alert.status, alert.owner, alert.outcome) == (
        "resolved", people["on_call"].user, "emergency_care",
    )  # fmt: skip
    assert Patient.objects.get().risk.tier == "high"


def tap(phone: Any, key: str, value: str) -> None:
    """Tap an answer once its question is the one on the screen."""
    phone.locator(f"#q-{key}.is-current").wait_for()
    phone.wait_for_timeout(500)  # a question that has just come up ignores a shaking finger
    phone.locator(f"label[for='i-{key}-{value}']").click()


def finish(phone: Any) -> None:
    """Answer the rest, one question per screen, and send."""
    phone.get_by_role("button", name="Next").click()
    for key, value in list(ANSWERS.items())[2:]:
        tap(phone, key, value)
        if key == "red_flags":
            phone.get_by_role("button", name="Next").click()
    phone.get_by_role("button", name="Send my check-in").click()


def test_without_javascript_the_phone_gets_the_same_advice(
    system, smtp, people, marked_patient, browser, screenshot
) -> None:
    from tests.flows.test_check_in_to_mail import path_for

    context = browser.new_context(
        viewport={"width": 320, "height": 640}, java_script_enabled=False, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(system.url + path_for(marked_patient))
    for key, value in ANSWERS.items():
        page.locator(f"label[for='i-{key}-{value}']").click()
        if key == "seizure":
            assert page.get_by_text("A seizure can happen again").first.is_visible()
            screenshot(page, "advice without javascript")
    page.get_by_role("button", name="Send my check-in").click()
    page.get_by_text("We are telling the person on call now").wait_for()
    overflow = page.locator("html").evaluate("el => el.scrollWidth > el.clientWidth")
    assert overflow is False
    screenshot(page, "done without javascript")
    context.close()
    assert CheckIn.objects.get().triage.level == "emergency"
    smtp.wait_for(1, to=people["on_call"].user.email)
