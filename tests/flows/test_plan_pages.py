"""A plan as people make, sign and change it, in a browser, and what the patient then gets."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.exchange.actions import make_feed
from apps.patients.models import Role
from apps.tapers.models import TaperPlan
from apps.tapers.today import midnight
from tests.exchange.reading import calendar_days, feed_days, text_of
from tests.factories import make_active_plan, make_care_level, make_member, make_patient
from tests.flows.test_browser_path import enter_as
from tests.harness.marks import BROWSER_FLOW

pytestmark = BROWSER_FLOW


@pytest.fixture
def url(site: Any) -> str:
    """The web part alone, in demo mode."""
    found: str = site.url
    return found


@pytest.fixture
def patient(people: Any) -> Any:
    """A patient without a plan."""
    found = make_patient(people["lead"].clinic, now=timezone.now(), family_name="Quillfeather")
    make_care_level(found, people["lead"].user, now=timezone.now())
    return found


def local_day(patient: Any) -> date:
    return timezone.now().astimezone(patient.tz).date()


def shown(day: date) -> str:
    """Return a day as staff pages print it."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def builder(page: Any, url: str, patient: Any) -> None:
    page.goto(url + reverse("tapers:create", args=[patient.pk]))
    page.get_by_label("Why this plan").fill("Wishes to sleep without it.")


def test_the_whole_builder(url, people, patient, desktop_page, screenshot) -> None:
    page = desktop_page
    enter_as(page, url, "Lea Leader")
    builder(page, url, patient)
    page.get_by_label("Goal (mg a day)").fill("1")
    # Live: no button was pressed.
    page.get_by_text("10 % of the current dose every 14 days, to 1 mg a day").first.wait_for()
    page.get_by_label("Percent", exact=False).first.fill("7,5")
    page.get_by_text("No preview yet").wait_for()
    assert page.get_by_label("Percent", exact=False).first.input_value() == "7,5"
    page.get_by_label("Percent", exact=False).first.fill("5")
    page.get_by_text("5 % of the current dose").first.wait_for()
    screenshot(page, "1 preview")
    # One step typed over: the plan becomes a list of own doses, checked again.
    page.locator("#edit_2").fill("1.5")
    for number in range(3, 6):
        page.locator(f"#edit_{number}").fill("1.5")
    # A live preview never takes away what was typed over.
    page.get_by_label("Percent", exact=False).first.fill("6")
    page.get_by_text("The live preview waits").wait_for()
    assert page.locator("#edit_2").input_value() == "1.5"
    page.get_by_role("button", name="Use these doses").click()
    page.get_by_text("doses chosen step by step").first.wait_for()
    assert page.locator("#id_method").input_value() == "custom"
    page.get_by_text("too fast").or_(page.get_by_text("faster than usual")).first.wait_for()
    # Another button than the one meant for it: what was typed over still counts.
    page.locator("#edit_6").fill("1.25")
    page.get_by_role("button", name="Put aside and compare with another").click()
    assert page.locator("#edit_6").input_value() == "1.25"
    page.locator("#id_method").select_option("fixed_mg")
    page.get_by_label("Milligrams each time").fill("0.125")
    page.get_by_text("B, the one above").first.wait_for()
    page.get_by_text("0.125 mg every 14 days").first.wait_for()
    screenshot(page, "2 side by side")
    # A switch has no source until somebody names one.
    page.locator("#id_method").select_option("switch")
    page.get_by_label("Switch to").select_option("diazepam")
    page.get_by_text("Choose a source for the switch").first.wait_for()
    page.get_by_label("Equivalence by").select_option("ashton_low")
    page.get_by_text("a switch to diazepam").first.wait_for()
    screenshot(page, "3 switch")
    page.get_by_role("button", name="Choose A: save draft").click()
    page.get_by_text("This is a draft.").wait_for()
    plan = TaperPlan.objects.get()
    assert plan.latest.request["method"]["kind"] == "custom"
    assert plan.latest.request["method"]["daily_mg"][:5] == ["1.5", "1.5", "1.5", "1.5", "1.25"]
    assert plan.latest.reason == "Wishes to sleep without it."


def sign_first(page: Any, day: date, reason: str = "") -> None:
    page.get_by_label("The patient agreed on").fill(day.isoformat())
    page.get_by_label("How", exact=True).select_option("visit")
    if reason:
        page.get_by_label("Why this fall is right").fill(reason)
    page.get_by_label("I sign this").check()
    page.get_by_role("button", name="Sign and activate").click()


def test_signing_with_a_breach_takes_two_people(
    url, people, patient, desktop_page, browser, screenshot
) -> None:
    make_member(people["lead"].clinic, Role.PRESCRIBER, "Pia Second")
    page = desktop_page
    enter_as(page, url, "Lea Leader")
    builder(page, url, patient)
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("needs a reason and a second prescriber").first.wait_for()
    page.get_by_role("button", name="Save draft").first.click()
    sign_first(page, local_day(patient))
    page.get_by_text("falls faster than the guideline allows").first.wait_for()
    sign_first(page, local_day(patient), "Wishes to be done before the spring.")
    page.get_by_text("waits for a second prescriber").first.wait_for()
    screenshot(page, "1 waits")
    page.get_by_role("link", name="Read version 1").click()
    page.get_by_text("The second signature must be another person's.").wait_for()
    plan = TaperPlan.objects.get()
    assert page.get_by_role("button", name="Sign as second prescriber").count() == 0
    page.goto(url + reverse("exchange:schedule", args=[plan.pk]))
    page.get_by_text("Only a signed plan in force has a schedule").wait_for()
    other = browser.new_context().new_page()
    enter_as(other, url, "Pia Second")
    other.goto(url + reverse("dashboard:decisions"))
    other.get_by_role("link", name="Read and sign the plan of Wren").click()
    other.get_by_role("heading", name="Second signature: version 1").wait_for()
    other.get_by_text("Wishes to be done before the spring.").first.wait_for()
    fast = plan.latest.steps.filter(verdict="block").first()
    assert other.locator(f"#step-{fast.number}").get_by_text("too fast").count()
    screenshot(other, "2 second signature")
    other.set_viewport_size({"width": 390, "height": 844})
    assert other.locator("html").bounding_box()["width"] <= 390
    screenshot(other, "3 second signature on a phone")
    other.get_by_label("I sign this").check()
    other.get_by_role("button", name="Sign as second prescriber").click()
    other.get_by_text("The plan is active.").wait_for()
    other.context.close()
    plan.refresh_from_db()
    assert (plan.status, plan.version.signatures.count()) == ("active", 2)


def everywhere(page: Any, url: str, plan: Any, token: str) -> dict[str, Any]:
    """Return what each place says: dose today and the first day of the next dose."""
    plan.refresh_from_db()
    today = local_day(plan.patient)
    page.goto(url + reverse("tapers:detail", args=[plan.pk]))
    row = page.locator(".grid--steps tr.is-now")
    dose = row.locator("td[data-label='mg a day'] b").inner_text()
    later = row.locator("xpath=following-sibling::tr[not(contains(@class,'finding'))][1]")
    next_on = later.locator("td[data-label='From']").inner_text() if later.count() else ""
    page.goto(url + reverse("exchange:schedule", args=[plan.pk]))
    steps = page.locator(".sched__steps > li h3")
    patient_next = steps.first.inner_text() if steps.count() else ""
    pdf = page.request.get(url + reverse("exchange:calendar", args=[plan.pk, "en"])).body()
    feed = page.request.get(url + reverse("exchange:feed", args=[token])).body()
    last = today + timedelta(days=100)
    found = {"page": (dose, next_on), "patient": patient_next}
    for paper in ("pharmacy", "letter"):
        body = page.request.get(url + reverse(f"exchange:{paper}", args=[plan.pk])).body()
        found[paper] = text_of(body)
    for name, days in (("pdf", calendar_days(pdf)), ("feed", feed_days(feed, last))):
        changes = [day for day in sorted(days) if day > today and days[day] != days[today]]
        found[name] = (f"{days[today].normalize():f}", shown(changes[0]) if changes else "")
    return found


def agree(found: dict[str, Any], dose: str, next_on: date | None) -> None:
    """Check that plan page, patient's page, calendar, feed, pharmacy sheet and letter agree."""
    expected = (dose, shown(next_on) if next_on else "")
    assert found["page"] == found["pdf"] == found["feed"] == expected, found
    words = f"{next_on:%A}, {next_on:%B} {next_on.day}" if next_on else ""
    assert words in found["patient"], found
    assert f"Dose today: {dose} mg a day in all" in found["letter"], found["letter"]
    if next_on is None:
        assert "until changed" in found["pharmacy"], found["pharmacy"]
        assert "goes on" in found["letter"], found["letter"]
        return
    last, first = (f"{day.day} {day:%b %Y}" for day in (next_on - timedelta(days=1), next_on))
    for paper in ("letter", "pharmacy"):  # today's dose until the day before, the next from then
        assert re.search(rf"{last}.*? {first} ", found[paper]), (
            paper, found[paper],
        )  # fmt: skip


def decide(page: Any, url: str, plan: Any, kind: str, reason: str, **typed: str) -> None:
    """Fill the page of a decision, preview it, sign and save it."""
    page.goto(url + reverse(f"tapers:{kind}", args=[plan.pk]))
    for label, value in typed.items():
        field = page.locator(f"#id_{label}")
        is_list = field.evaluate("el => el.tagName") == "SELECT"
        field.select_option(value) if is_list else field.fill(value)
    page.get_by_label("Reason").fill(reason)
    page.get_by_label("The patient agreed on").fill(local_day(plan.patient).isoformat())
    page.get_by_label("How", exact=True).select_option("phone")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("heading", name="The steps after this decision").wait_for()
    assert page.get_by_label("Reason").input_value() == reason
    page.get_by_label("I sign this").check()
    page.get_by_role("button", name="Sign and save").click()
    page.get_by_text("is in force.").first.wait_for()


def test_hold_resume_and_step_back_are_everywhere_at_once(
    url, people, patient, desktop_page
) -> None:
    now, lead, page = timezone.now(), people["lead"].user, desktop_page
    today = local_day(patient)
    began = today - timedelta(days=16)
    plan = make_active_plan(patient, lead, now=now, start_on=began.isoformat(), goal_mg="0.5")
    token = make_feed(patient=patient, with_names=False, by=lead, now=now)
    enter_as(page, url, "Lea Leader")
    step = plan.version.steps.get(number=2)
    dose, planned = f"{step.daily_mg.normalize():f}", began + timedelta(days=28)
    agree(everywhere(page, url, plan, token), dose, planned)
    decide(page, url, plan, "hold", "Sleeps badly.", length="14")
    agree(everywhere(page, url, plan, token), dose, planned + timedelta(days=14))
    decide(page, url, plan, "hold", "Sleeps worse.", length="open")
    agree(everywhere(page, url, plan, token), dose, None)
    decide(page, url, plan, "go_on", "Sleeps well again.")
    going_on = plan.versions.latest("number").steps.filter(start_on__gt=today).first()
    assert going_on.start_on >= today + timedelta(days=14)
    agree(everywhere(page, url, plan, token), dose, going_on.start_on)
    decide(page, url, plan, "step_back", "Worse than before.", days="14")
    agree(everywhere(page, url, plan, token), "2", today + timedelta(days=14))


def test_the_second_of_two_editors_sees_the_difference_and_loses_nothing(
    url, people, patient, desktop_page, browser, screenshot
) -> None:
    make_member(people["lead"].clinic, Role.PRESCRIBER, "Pia Second")
    now = timezone.now()
    plan = make_active_plan(
        patient, people["lead"].user, now=now, start_on=local_day(patient).isoformat()
    )
    slow = desktop_page
    enter_as(slow, url, "Lea Leader")
    slow.goto(url + reverse("tapers:hold", args=[plan.pk]))
    slow.get_by_label("Reason").fill("Her mother is ill.")
    slow.locator("#id_length").select_option("28")
    quick = browser.new_context().new_page()
    enter_as(quick, url, "Pia Second")
    decide(quick, url, plan, "slow", "Shaky in the mornings.", interval_days="28")
    quick.context.close()
    slow.get_by_label("I sign this").check()
    slow.get_by_role("button", name="Sign and save").click()
    slow.get_by_role("heading", name="What Pia Second changed").wait_for()
    slow.get_by_text("Shaky in the mornings.").first.wait_for()
    screenshot(slow, "the difference")
    assert slow.get_by_label("Reason").input_value() == "Her mother is ill."
    assert slow.locator("#id_length").input_value() == "28"
    assert plan.versions.count() == 2
    if not slow.get_by_label("I sign this").is_checked():
        slow.get_by_label("I sign this").check()
    slow.get_by_role("button", name="Sign and save").click()
    slow.get_by_text("Version 3 is in force.").wait_for()


def test_no_clock_change_makes_a_step_of_13_or_15_days(url, people, browser) -> None:
    """A plan over both changes of the coming year, read with the clinic's clock."""
    doses = {"morning": "20", "night": "20"}
    patient = make_patient(
        people["lead"].clinic, now=timezone.now(), drug_id="diazepam", slots=doses
    )
    now, today = timezone.now(), local_day(patient)
    plan = make_active_plan(
        patient, people["lead"].user, now=now, start_on=today.isoformat(), goal_mg="25",
        method={"kind": "percent_of_start", "percent": "2.5"},
    )  # fmt: skip
    token = make_feed(patient=patient, with_names=True, by=None, now=now)
    page = browser.new_context(timezone_id="America/New_York").new_page()
    enter_as(page, url, "Lea Leader")
    page.goto(url + reverse("tapers:detail", args=[plan.pk]))
    from_column = page.locator(".grid--steps td[data-label='From']").all_inner_texts()
    days = [
        datetime.strptime(text, "%a %d %b %Y").date()  # noqa: DTZ007
        for text in from_column
    ]
    begun = [midnight(day, patient.tz) for day in days]
    # Real time from midnight to midnight: 14 days, and 14 days with an hour more or less.
    spans = {(b.astimezone(UTC) - a.astimezone(UTC), b.utcoffset() - a.utcoffset())
             for a, b in pairwise(begun)}  # fmt: skip
    assert len(spans) > 1, "the plan is to cross a clock change"
    assert {span + moved for span, moved in spans} == {timedelta(days=14)}
    feed = page.request.get(url + reverse("exchange:feed", args=[token])).body()
    taken = feed_days(feed, days[-1])
    assert sorted(taken) == [today + timedelta(days=n) for n in range((days[-1] - today).days + 1)]
    page.context.close()


def test_without_javascript_a_plan_is_made_compared_signed_and_printed(
    url, people, patient, browser, screenshot
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page = context.new_page()
    enter_as(page, url, "Lea Leader")
    builder(page, url, patient)
    page.get_by_label("Goal (mg a day)").fill("1")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("You asked for").wait_for()
    screenshot(page, "1 preview on a phone")
    page.get_by_role("button", name="Put aside and compare with another").click()
    page.get_by_label("Percent", exact=False).first.fill("5,5")
    page.get_by_role("button", name="Preview").click()
    assert page.get_by_label("Percent", exact=False).first.input_value() == "5,5"
    page.get_by_text("A, put aside").first.wait_for()
    page.get_by_label("Percent", exact=False).first.fill("5")
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("B, the one above").first.wait_for()
    page.locator("#edit_2").fill("1.75")
    page.get_by_role("button", name="Choose B: save draft").click()
    page.get_by_text("These are not the steps you saw").wait_for()
    assert page.locator("#edit_2").input_value() == "1.75"
    page.get_by_role("button", name="Drop A").click()
    page.locator("#id_method").select_option("percent_of_current")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Save draft").first.click()
    sign_first(page, local_day(patient))
    page.get_by_text("The plan is active.").wait_for()
    plan = TaperPlan.objects.get()
    assert plan.version.request["method"]["percent"] == "5"
    page.goto(url + reverse("exchange:schedule", args=[plan.pk]))
    assert re.search(r"\d tablets? of clonazepam", page.locator(".sched__today").inner_text())
    wide = page.viewport_size["width"] < page.locator("html").bounding_box()["width"]
    assert not wide
    screenshot(page, "2 schedule on a phone")
    pdf = page.request.get(url + reverse("exchange:calendar", args=[plan.pk, "es"]))
    assert pdf.headers["content-type"] == "application/pdf"
    context.close()
