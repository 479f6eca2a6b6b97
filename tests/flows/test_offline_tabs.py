"""Several tabs, old phones, answers sent behind a page's back: nothing of it is lost or unsaid."""

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.link_actions import create_link, revoke_links
from apps.checkins.models import CheckIn
from apps.patients.models import Patient
from tests.flows.test_browser_path import ANSWERS
from tests.flows.test_offline import (
    KEPT,
    SMALLEST,
    axe,  # noqa: F401  a fixture
    fill,
    network,  # noqa: F401
    open_form,
    phone,  # noqa: F401
)
from tests.harness.marks import BROWSER_FLOW
from tests.harness.proxy import Proxy
from tests.harness.waiting import wait_until

pytestmark = BROWSER_FLOW
CALM = ANSWERS | {"seizure": "no"}
WITHOUT_DOSE = {key: value for key, value in ANSWERS.items() if key != "dose_taken"}
ROWS = """() => new Promise((done) => {
  const open = indexedDB.open("checkins");
  open.onsuccess = () => {
    const rows = open.result.transaction("unsent").objectStore("unsent").getAll();
    rows.onsuccess = () => {
      open.result.close();
      done(rows.result.map((row) => [
        row.sending, Object.fromEntries(row.fields).seizure ?? "", row.news ?? "",
      ]));
    };
  };
})"""
OF_THE_FORMER_VERSION = """(entry) => new Promise((done) => {
  indexedDB.deleteDatabase("checkins").onsuccess = () => {
    const open = indexedDB.open("checkins", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("unsent", { keyPath: "path" });
    open.onsuccess = () => {
      const rows = open.result.transaction("unsent", "readwrite");
      rows.objectStore("unsent").put(entry);
      rows.oncomplete = () => { open.result.close(); done(); };
    };
  };
})"""


def new_url(network: Proxy, patient: Patient) -> str:  # noqa: F811
    token = create_link(patient=patient, by=None, now=timezone.now())
    return network.url + reverse("checkins:create", args=[token])


def send(page: Any) -> None:
    page.get_by_role("button", name="Send my check-in").click()


def seizures() -> list[str]:
    rows = CheckIn.objects.order_by("received_at")
    return [row.answers["seizure"] for row in rows]


def keep_a_seizure(phone: Any, network: Proxy, patient: Patient) -> None:  # noqa: F811
    """Answer without network, and put the phone away."""
    open_form(phone, network, patient)
    fill(phone, ANSWERS)
    phone.context.set_offline(True)
    send(phone)
    phone.get_by_text("Nobody has been told yet").first.wait_for()


def test_two_tabs_of_one_link_are_two_check_ins(network, people, marked_patient, phone) -> None:  # noqa: F811
    url = new_url(network, marked_patient)
    phone.goto(url)
    fill(phone, {"dose_taken": "yes_all"})
    phone.locator("#q-seizure.is-current").wait_for()
    phone.wait_for_timeout(600)
    other = phone.context.new_page()
    other.goto(url)  # by the link in the second mail
    other.locator("#q-seizure.is-current").wait_for()
    fill(other, WITHOUT_DOSE | {"seizure": "no"})
    send(other)
    other.locator(".saved--ok").wait_for()
    phone.bring_to_front()
    fill(phone, WITHOUT_DOSE)
    send(phone)
    phone.get_by_text("We are telling the person on call now").wait_for()
    assert seizures() == ["no", "yes"]
    assert Alert.objects.get().level == "emergency"
    assert phone.evaluate(KEPT) == 0


def test_a_tap_in_another_tab_destroys_nothing_that_waits(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    open_form(phone, network, marked_patient)
    url = new_url(network, marked_patient)
    phone.goto(url)
    fill(phone, {"dose_taken": "yes_all"})
    phone.locator("#q-seizure.is-current").wait_for()
    phone.wait_for_timeout(600)
    other = phone.context.new_page()
    other.goto(url)
    other.locator("#q-seizure.is-current").wait_for()
    phone.context.set_offline(True)
    fill(other, WITHOUT_DOSE)
    send(other)
    other.get_by_text("They go out by themselves").first.wait_for()
    other.close()
    phone.bring_to_front()
    fill(phone, {"seizure": "no"})
    wait_until(lambda: [False, "no", ""] in phone.evaluate(ROWS))
    assert [True, "yes", ""] in phone.evaluate(ROWS)
    phone.close()
    page = other.context.new_page()
    page.context.set_offline(False)
    page.goto(network.url + "/c/")
    page.get_by_text("We are telling the person on call now").wait_for()
    assert seizures() == ["yes"]


def test_the_kept_form_of_an_old_phone_is_a_new_check_in(
    network,  # noqa: F811
    people,
    marked_patient,
    browser,
) -> None:
    context = browser.new_context(
        viewport=SMALLEST, has_touch=True, is_mobile=True, reduced_motion="reduce", locale="en-US"
    )
    context.set_default_timeout(30_000)
    context.add_init_script("delete Crypto.prototype.randomUUID")
    old = context.new_page()
    open_form(old, network, marked_patient)
    old.goto(new_url(network, marked_patient))
    fill(old, CALM)
    send(old)
    old.locator(".saved--ok").wait_for()
    url = new_url(network, marked_patient)
    context.set_offline(True)
    old.goto(url)
    fill(old, ANSWERS)
    send(old)
    old.get_by_text("Nobody has been told yet").first.wait_for()
    context.set_offline(False)
    old.get_by_text("We are telling the person on call now").wait_for()
    assert seizures() == ["no", "yes"]
    assert Alert.objects.count() == 1
    ids = [row.submission_id for row in CheckIn.objects.all()]
    assert {each.version for each in ids} == {4}
    context.close()


def test_what_was_sent_behind_an_open_form_is_told_there(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
    screenshot,
    axe,  # noqa: F811
) -> None:
    keep_a_seizure(phone, network, marked_patient)
    url = new_url(network, marked_patient)
    phone.goto("about:blank")
    phone.context.set_offline(False)
    phone.goto(url)
    phone.get_by_text("Your earlier check-in has reached us").wait_for()
    news = phone.locator("section.news")
    assert news.locator(".box.lv-emergency a[href='tel:911']").first.is_visible()
    assert news.get_by_text("We are telling the person on call now").is_visible()
    assert news.get_by_text("You answered it on").is_visible()
    screenshot(phone, "kept answers were sent")
    assert axe(phone) == []
    assert (seizures(), Alert.objects.count()) == (["yes"], 1)
    fill(phone, CALM)
    send(phone)
    phone.locator(".saved--ok").wait_for()
    assert phone.get_by_text("Your earlier check-in has reached us").is_visible()
    assert phone.evaluate(KEPT) == 0
    phone.goto(network.url + "/c/")
    phone.get_by_text("Nothing is waiting on this phone").wait_for()
    assert phone.locator("section.news").count() == 0


def test_kept_answers_that_were_refused_are_said_and_stay(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
    screenshot,
    axe,  # noqa: F811
) -> None:
    keep_a_seizure(phone, network, marked_patient)
    revoke_links(marked_patient, timezone.now())
    url = new_url(network, marked_patient)
    phone.goto("about:blank")
    phone.context.set_offline(False)
    phone.goto(url)
    phone.get_by_text("Your earlier check-in was not taken").wait_for()
    news = phone.locator("section.news")
    assert news.get_by_text("Please call the clinic and read them out").is_visible()
    assert news.locator("a[href='tel:911']").first.is_visible()
    assert news.get_by_role("link", name="Call the clinic").is_visible()
    assert news.get_by_role("link", name="More help").count() == 0
    news.get_by_text("What you answered").click()
    assert news.get_by_text("Did you have a seizure").is_visible()
    screenshot(phone, "kept answers were refused")
    assert axe(phone) == []
    fill(phone, CALM)
    send(phone)
    phone.locator(".saved--ok").wait_for()
    assert phone.get_by_text("Your earlier check-in was not taken").is_visible()
    posts = network.posts
    phone.goto(network.url + "/c/")
    phone.get_by_text("Your earlier check-in was not taken").wait_for()
    assert phone.evaluate(ROWS) == [[False, "yes", "unknown"]]
    assert network.posts == posts  # what is refused for good is not sent again and again
    assert seizures() == ["no"]
    phone.get_by_role("button", name="Delete these answers").last.click()
    phone.get_by_role("button", name="Tap again to delete").click()
    wait_until(lambda: phone.evaluate(KEPT) == 0)


def test_what_the_former_version_kept_is_sent(network, people, marked_patient, phone) -> None:  # noqa: F811
    phone.goto(network.url + "/c/")
    phone.get_by_text("Nothing is waiting on this phone").wait_for()
    path = new_url(network, marked_patient).removeprefix(network.url)
    entry = {
        "path": path, "fields": [["version", "1"], ["seizure", "yes"]], "sending": True,
        "submission": "11111111-2222-4333-8444-555555555555", "changed": 1, "calls": [],
        "felt": timezone.now().isoformat(),
    }  # fmt: skip
    phone.evaluate(OF_THE_FORMER_VERSION, entry)
    phone.reload()
    phone.get_by_text("We are telling the person on call now").wait_for()
    assert seizures() == ["yes"]
    assert phone.evaluate(KEPT) == 0


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_question_is_seen_at_twice_the_text_size(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
    screenshot,
    language,
) -> None:
    Patient.objects.filter(pk=marked_patient.pk).update(language=language)
    phone.goto(new_url(network, marked_patient))
    phone.evaluate("document.documentElement.style.fontSize = '200%'")
    seen = """() => {
      const box = document.querySelector(".is-current .q").getBoundingClientRect();
      return box.top >= 0 && box.top < innerHeight / 2;
    }"""
    wait_until(lambda: phone.evaluate(seen))
    screenshot(phone, f"twice the text size, {language}")
    phone.wait_for_timeout(500)  # a question that has just come up ignores a shaking finger
    phone.locator("label[for='i-dose_taken-yes_all']").click()
    phone.locator("#q-supply_days.is-current").wait_for()
    assert phone.evaluate(seen)
    phone.evaluate("window.scrollTo(0, 0)")
    assert phone.locator(".crisis a").first.is_visible()
