"""Every patient page on the smallest phone: by keyboard, in both languages, without a barrier."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.checkins.link_actions import create_link
from apps.checkins.models import CareTask, CheckIn, CheckInLink
from tests.flows.test_offline import FILLED
from tests.harness.barriers import barriers
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW
SMALLEST = {"width": 320, "height": 640}


@pytest.fixture
def url(site: Any) -> str:
    """The web part alone, in demo mode."""
    found: str = site.url
    return found


def token_for(patient: Any) -> str:
    token = create_link(patient=patient, by=None, now=timezone.now())
    CheckInLink.objects.update(with_weekly=True)
    return token


def reach(page: Any, wanted: str) -> None:
    """Press Tab until the wanted answer has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == wanted:
            return
    raise AssertionError(f"the keyboard never reaches {wanted}")


def answer_by_keyboard(page: Any) -> list[str]:
    """Answer every question with the keys alone; return the questions that were asked."""
    asked: list[str] = []
    while page.locator(".item.is-current").count():
        item = page.locator(".item.is-current")
        key = item.get_attribute("data-item")
        if asked and asked[-1] == key:
            page.keyboard.press("Enter")  # a question that may be skipped asks once more
            continue
        asked.append(key)
        first = item.locator("input, textarea").first.get_attribute("id")
        reach(page, "i-red_flags-none" if key == "red_flags" else first)
        if item.locator("fieldset").count():
            page.keyboard.press("Space")
        elif item.locator("textarea").count():
            page.keyboard.press("Tab")
            page.keyboard.press("Tab")
            page.locator("[data-next]").press("Enter")
            continue
        else:
            page.keyboard.type("8")
        page.keyboard.press("Enter")
    return asked


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_daily_and_weekly_by_keyboard_on_the_smallest_phone(
    url, marked_patient, browser, screenshot, language, scheme
) -> None:
    type(marked_patient).objects.update(language=language)
    context = browser.new_context(viewport=SMALLEST, color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(30_000)
    page = context.new_page()
    page.goto(url + reverse("checkins:create", args=[token_for(marked_patient)]))
    assert barriers(page) == []
    answer_by_keyboard(page)
    reach(page, "i-request-call_today")
    page.keyboard.press("Space")
    screenshot(page, "1 ready to send")
    assert barriers(page) == []
    page.locator(".btn--send").press("Enter")
    page.locator(".saved--ok").wait_for()
    screenshot(page, "2 saved")
    assert barriers(page) == []
    page.locator("a[href$='/weekly/']").press("Enter")
    page.locator("#q-phq9_1.is-current").wait_for()
    screenshot(page, "3 weekly")
    assert barriers(page) == []
    assert "asq_5" not in answer_by_keyboard(page)
    screenshot(page, "4 weekly ready to send")
    page.locator(".btn--send").press("Enter")
    page.locator(".saved--ok").wait_for()
    page.goto(page.url.replace("/weekly/", "/correct/"))
    screenshot(page, "5 correct")
    assert barriers(page) == []
    for name, path in (("6 used", page.url.replace("/correct/", "/")), ("7 unknown", "/c/x/"),
                       ("8 start", "/c/")):  # fmt: skip
        page.goto(url + path if path.startswith("/") else path)
        screenshot(page, name)
        assert barriers(page) == [], name
    context.close()
    kinds = CheckIn.objects.order_by("received_at").values_list("questionnaire", flat=True)
    assert list(kinds) == ["daily", "weekly"]
    first = CheckIn.objects.get(questionnaire="daily")
    assert first.reported_at <= first.received_at
    assert CareTask.objects.get().kind == "call_today"


@pytest.mark.parametrize(("width", "letters"), [(320, 16), (390, 32)])
def test_a_calm_day_is_seventeen_taps_also_at_twice_the_text_size(
    url, marked_patient, browser, screenshot, width, letters
) -> None:
    from tests.factories import CALM, check_in

    check_in(marked_patient, CALM | {"supply_days": 20}, now=timezone.now())
    context = browser.new_context(
        viewport={"width": width, "height": 640}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    enlarge(page, letters)
    page.goto(url + reverse("checkins:create", args=[token_for(marked_patient)]))
    taps = 0
    while page.locator(".item.is-current").count():
        key = page.locator(".item.is-current").get_attribute("data-item")
        assert not page.locator(".item.is-current :checked").count(), f"{key} has an answer already"
        page.wait_for_timeout(500)
        calm = {"dose_taken": "yes_all", "red_flags": "none", "other_drugs": "none"}
        value = calm.get(key, "no" if key in ("seizure", "si") else "0")
        page.locator(f"label[for='i-{key}-{value}']").tap()
        taps += 1
        page.locator(f"#q-{key}:not(.is-current)").wait_for(state="attached")
        if key in ("s_anx", "red_flags"):
            assert barriers_without_script(page) is False
            screenshot(page, f"after {key}")
    page.get_by_role("button", name="Send my check-in").tap()
    page.locator(".saved--ok").wait_for()
    screenshot(page, "saved")
    assert barriers_without_script(page) is False
    context.close()
    assert taps + 1 == 17
    assert CheckIn.objects.latest("received_at").is_complete


def test_a_yes_opens_the_next_question_of_the_week(url, marked_patient, browser) -> None:
    from tests.factories import CALM, check_in

    check_in(marked_patient, CALM, now=timezone.now())
    token = token_for(marked_patient)
    link = CheckInLink.objects.get()
    link.used_at, link.submission_id = timezone.now(), CheckIn.objects.get().submission_id
    link.save()
    page = browser.new_context(viewport=SMALLEST, java_script_enabled=False).new_page()
    page.goto(url + reverse("checkins:weekly", args=[token]))
    assert barriers_without_script(page) is False
    assert page.locator("#q-asq_1").is_visible()
    page.locator("label[for='i-phq9_9-2']").click()
    page.locator("button.btn--send").click()
    page.locator(".saved--ok").wait_for()
    page.context.close()
    assert CheckIn.objects.get(questionnaire="weekly").answers == {"phq9_9": 2}


def enlarge(page: Any, letters: int) -> None:
    """Set the browser's own size of letters, so that the page's own rules for it apply."""
    sizes = {"fontSizes": {"standard": letters, "fixed": 13}}
    page.context.new_cdp_session(page).send("Page.setFontSizes", sizes)


def barriers_without_script(page: Any) -> bool:
    wide: bool = page.locator("html").evaluate("el => el.scrollWidth > el.clientWidth")
    return wide


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(("scheme", "letters"), [("light", 32), ("dark", 16)])
def test_an_amount_and_its_unit_are_one_screen_and_the_unit_is_never_tapped_past(
    url, marked_patient, browser, screenshot, language, scheme, letters
) -> None:
    type(marked_patient).objects.update(language=language)
    context = browser.new_context(
        viewport=SMALLEST, has_touch=True, is_mobile=True, color_scheme=scheme
    )
    page = context.new_page()
    enlarge(page, letters)
    page.goto(url + reverse("checkins:create", args=[token_for(marked_patient)]))
    page.locator("#q-dose_taken.is-current").wait_for()
    page.wait_for_timeout(500)
    page.locator("label[for='i-dose_taken-took_extra']").click()
    page.locator("#q-hours_since_last_dose.is-current").wait_for()
    page.locator("#i-hours_since_last_dose").fill("8")
    page.locator("[data-next]").click()
    amount = page.locator("#q-dose_taken_mg.is-current")
    amount.wait_for()
    page.wait_for_timeout(500)
    assert amount.locator(":checked").count() == 0
    for unit in ("mg", "mL"):
        box = amount.locator(f"label[for='i-dose_taken_mg-{unit}']").bounding_box()
        assert box["height"] >= 44
    page.locator("#i-dose_taken_mg").fill("0,6")
    page.locator("[data-next]").click()
    assert amount.locator(".error").inner_text()  # the number alone is asked about once
    screenshot(page, "1 which unit")
    assert barriers(page) == []
    amount.locator("label[for='i-dose_taken_mg-mL']").click()
    page.wait_for_timeout(500)
    assert amount.is_visible()  # a tap on the unit does not move on
    assert amount.locator(".error").count() == 0
    screenshot(page, "2 amount")
    assert barriers(page) == []
    page.locator("[data-next]").click()
    page.locator("#q-supply_days.is-current").wait_for()
    page.locator("[data-back]").click()
    amount.wait_for()
    assert page.locator("#i-dose_taken_mg").input_value() == "0,6"
    assert page.locator("#i-dose_taken_mg-mL").is_checked()
    answer_the_rest(page)
    page.locator(".btn--send").click()
    page.locator(".saved--ok, .box").first.wait_for()
    context.close()
    assert CheckIn.objects.get().answers["dose_taken_mg"] == "0.6 mL"


def answer_the_rest(page: Any) -> None:
    """Tap what must be answered beside the amount, and go to the end."""
    for wanted in ("i-seizure-no", "i-red_flags-none", "i-si-no"):
        page.locator(f"#{wanted}").evaluate("el => { el.checked = true; }")
    for _ in range(60):
        if page.locator(".btn--send").is_visible():
            return
        page.locator("[data-next]").click()
    raise AssertionError("the end never comes")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(("scheme", "letters"), [("light", 16), ("dark", 16), ("light", 32)])
def test_an_amount_and_its_unit_without_script(
    url, marked_patient, browser, screenshot, language, scheme, letters
) -> None:
    type(marked_patient).objects.update(language=language)
    context = browser.new_context(viewport=SMALLEST, java_script_enabled=False, color_scheme=scheme)
    page = context.new_page()
    enlarge(page, letters)
    page.goto(url + reverse("checkins:create", args=[token_for(marked_patient)]))
    assert page.locator("#q-dose_taken_mg").is_hidden()
    page.locator("label[for='i-dose_taken-took_less']").click()
    page.locator("#i-dose_taken_mg").fill("0.6")
    page.locator("label[for='i-dose_taken_mg-mL']").click()
    assert barriers_without_script(page) is False
    assert page.locator("label[for='i-dose_taken_mg-mL']").bounding_box()["height"] >= 44
    screenshot(page, "1 amount without script")
    for wanted in ("seizure-no", "red_flags-none", "si-no"):
        page.locator(f"label[for='i-{wanted}']").click()
    page.locator("button.btn--send").click()
    page.locator(".saved--ok, .box").first.wait_for()
    page.context.close()
    assert CheckIn.objects.get().answers["dose_taken_mg"] == "0.6 mL"


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize(("scheme", "letters"), [("light", 32), ("dark", 16)])
def test_answers_that_are_only_kept_are_told_as_such_on_the_smallest_phone(
    url, marked_patient, browser, screenshot, language, scheme, letters
) -> None:
    from tests.factories import CALM

    type(marked_patient).objects.update(language=language)
    address = url + reverse("checkins:create", args=[token_for(marked_patient)])
    page = browser.new_context(viewport=SMALLEST, color_scheme=scheme).new_page()
    enlarge(page, letters)
    page.goto(address)
    page.locator("#q-dose_taken.is-current").wait_for()
    long_ago = timezone.now() - timedelta(days=30)
    CheckInLink.objects.update(created_at=long_ago, expires_at=long_ago + timedelta(days=2))
    ids = [
        f"i-{key}-{value[0] if isinstance(value, tuple | list) else value}"
        for key, value in CALM.items()
    ]
    page.evaluate(FILLED, ids)
    answer_the_rest(page)
    page.locator(".btn--send").click()
    page.locator(".saved--plain").wait_for()
    screenshot(page, "kept")
    assert barriers(page) == []
    page.context.close()
    assert CheckIn.as_given.get().arrival == "expired"
    assert not CheckIn.objects.exists()
