"""A check-in without network: kept on the phone, advised at the tap, sent once, wiped after."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.link_actions import create_link
from apps.checkins.models import CheckIn
from apps.patients.models import Patient
from tests.flows.test_browser_path import ANSWERS
from tests.harness.marks import BROWSER_FLOW
from tests.harness.proxy import Line, Proxy
from tests.harness.waiting import wait_until

pytestmark = BROWSER_FLOW
SMALLEST = {"width": 320, "height": 640}
KEPT = """() => new Promise((done) => {
  const open = indexedDB.open("checkins");
  open.onsuccess = () => {
    const rows = open.result.transaction("unsent").objectStore("unsent").getAll();
    rows.onsuccess = () => { open.result.close(); done(rows.result.length); };
  };
})"""
AGE = """() => new Promise((done) => {
  const open = indexedDB.open("checkins");
  open.onsuccess = () => {
    const rows = open.result.transaction("unsent", "readwrite").objectStore("unsent");
    rows.getAll().onsuccess = (found) => {
      const old = Date.now() - 13 * 3600e3;
      for (const row of found.target.result) rows.put({ ...row, changed: old });
    };
    rows.transaction.oncomplete = () => { open.result.close(); done(); };
  };
})"""
CACHED = """async () => {
  const texts = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      texts.push(request.url + " " + await (await cache.match(request)).text());
    }
  }
  return texts;
}"""

# As the page itself puts kept answers back, and goes on behind them.
FILLED = """(ids) => {
  for (const id of ids) {
    const input = document.getElementById(id);
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
  document.getElementById(ids[0]).form.dispatchEvent(new Event("restored"));
}"""


@pytest.fixture
def network(site: Any) -> Iterator[Proxy]:
    """The line between the phone and the web process."""
    with Proxy(int(site.url.rsplit(":", 1)[1])) as proxy:
        yield proxy


@pytest.fixture
def phone(browser: Any) -> Iterator[Any]:
    """A page on the smallest phone."""
    context = browser.new_context(
        viewport=SMALLEST, has_touch=True, is_mobile=True, reduced_motion="reduce", locale="en-US"
    )
    context.set_default_timeout(30_000)
    yield context.new_page()
    context.close()


def open_form(phone: Any, network: Proxy, patient: Patient) -> None:
    """Open a fresh link and wait until the phone could open it without network, too."""
    token = create_link(patient=patient, by=None, now=timezone.now())
    phone.goto(network.url + reverse("checkins:create", args=[token]))
    wait_until(lambda: any("/c/blank/first" in text for text in phone.evaluate(CACHED)))


def answer(phone: Any, answers: dict[str, str]) -> None:
    """Tap the answers, one question per screen."""
    for key, value in answers.items():
        phone.locator(f"#q-{key}.is-current").wait_for()
        phone.wait_for_timeout(500)  # a question that has just come up ignores a shaking finger
        phone.locator(f"label[for='i-{key}-{value}']").click()
        if (key, value) == ("seizure", "yes"):
            phone.locator("[data-next]").click()  # the advice is not tapped away
        if key == "dose_taken":
            phone.locator("#q-supply_days.is-current").wait_for()
            phone.locator("[data-next]").click()


def fill(phone: Any, answers: dict[str, str]) -> None:
    """Answer the same at once: for tests of what is kept and sent, not of tapping.

    A tap waits half a second for a shaking finger, so a whole check-in takes a dozen seconds.
    """
    phone.locator(".is-current").first.wait_for()
    phone.evaluate(FILLED, [f"i-{key}-{value}" for key, value in answers.items()])


def check_ins_and_alerts() -> tuple[int, int]:
    return CheckIn.objects.count(), Alert.objects.count()


def test_offline_then_online_on_the_smallest_phone(
    network, people, marked_patient, phone, screenshot, axe
) -> None:
    open_form(phone, network, marked_patient)
    assert phone.locator(".watching").is_visible()
    phone.context.set_offline(True)
    phone.get_by_text("No network right now").wait_for()
    assert not phone.locator(".watching").is_visible()
    answer(phone, {key: ANSWERS[key] for key in ("dose_taken", "seizure")})
    phone.locator("[data-back]").click()
    assert phone.get_by_text("A seizure can happen again").first.is_visible()
    screenshot(phone, "1 advice without network")
    assert axe(phone) == []
    phone.locator("[data-next]").click()
    answer(phone, dict(list(ANSWERS.items())[2:]))
    phone.get_by_role("button", name="Send my check-in").click()
    phone.get_by_text("There is no network. Nobody has been told yet.").wait_for()
    assert phone.get_by_text("A seizure can happen again").first.is_visible()
    assert phone.locator("[data-waiting] a[href='tel:911']").first.is_visible()
    assert not phone.get_by_text("No network right now").is_visible()  # said once is enough
    screenshot(phone, "2 not sent yet")
    assert axe(phone) == []
    felt = timezone.now()
    phone.reload()  # the phone was put away and taken out again, still without network
    phone.get_by_text("Nobody has been told yet").first.wait_for()
    assert phone.get_by_text("A seizure can happen again").first.is_visible()
    assert check_ins_and_alerts() == (0, 0)
    phone.wait_for_timeout(1500)
    phone.context.set_offline(False)
    phone.get_by_text("We are telling the person on call now").wait_for()
    screenshot(phone, "3 sent")
    assert axe(phone) == []
    assert check_ins_and_alerts() == (1, 1)
    row = CheckIn.objects.get()
    assert row.reported_at <= felt < row.received_at
    assert (row.received_at - row.reported_at).total_seconds() > 1
    assert row.is_complete
    assert phone.evaluate(KEPT) == 0


def test_five_taps_over_a_cut_line_make_one_check_in_and_one_alert(
    network, people, marked_patient, phone, screenshot
) -> None:
    open_form(phone, network, marked_patient)
    answer(phone, ANSWERS)
    network.line = Line.CUT_AFTER_REQUEST
    send = phone.get_by_role("button", name="Send my check-in")
    send.evaluate("button => { for (let tap = 0; tap < 5; tap++) button.click(); }")
    phone.get_by_text("We cannot tell if it came through").wait_for()
    screenshot(phone, "we cannot tell")
    for _ in range(5):
        phone.get_by_role("button", name="Try to send now").click()
    wait_until(lambda: network.posts >= 3)
    assert check_ins_and_alerts() == (1, 1)
    phone.goto(phone.url)  # the server has it and says so; the phone does not know yet
    phone.get_by_text("We cannot tell if it came through").wait_for()
    network.line = Line.FINE
    # The page may have sent by itself by now: then there is no button any more.
    phone.evaluate("document.querySelector('[data-again]')?.click()")
    phone.get_by_text("We are telling the person on call now").wait_for()
    assert check_ins_and_alerts() == (1, 1)
    assert phone.evaluate(KEPT) == 0


def test_the_sign_in_page_of_a_hotel_is_no_confirmation(
    network, people, marked_patient, phone
) -> None:
    open_form(phone, network, marked_patient)
    answer(phone, ANSWERS)
    network.line = Line.HOTEL
    phone.get_by_role("button", name="Send my check-in").click()
    phone.get_by_text("Not sent yet").wait_for()
    assert phone.evaluate(KEPT) == 1
    network.line = Line.FINE
    phone.get_by_text("We are telling the person on call now").wait_for()  # by itself
    assert check_ins_and_alerts() == (1, 1)


def test_what_was_answered_is_there_again_after_the_page_was_lost(
    network, people, marked_patient, phone
) -> None:
    open_form(phone, network, marked_patient)
    answer(phone, {"dose_taken": "yes_all", "seizure": "no", "s_anx": "3"})
    phone.locator("#q-s_restless.is-current").wait_for()
    phone.reload()
    phone.locator("#q-s_restless.is-current").wait_for()
    assert phone.locator("#i-s_anx-3").is_checked()
    assert phone.locator("#i-seizure-no").is_checked()
    phone.evaluate(AGE)  # the next morning another person opens the link on this phone
    phone.reload()
    phone.locator("#q-dose_taken.is-current").wait_for()
    assert phone.locator("input:checked").count() == 0
    assert phone.evaluate(KEPT) == 0


def test_a_red_flag_may_be_sent_at_once(network, people, marked_patient, phone, screenshot) -> None:
    open_form(phone, network, marked_patient)
    answer(phone, {"dose_taken": "yes_all"})
    phone.locator("#q-seizure.is-current").wait_for()
    phone.wait_for_timeout(500)
    phone.locator("label[for='i-seizure-yes']").click()
    phone.locator("#q-seizure").get_by_role("button", name="Send this now").first.click()
    phone.get_by_text("We are telling the person on call now").wait_for()
    screenshot(phone, "sent at once")
    row = CheckIn.objects.get()
    assert (row.is_complete, row.answers) == (False, {"dose_taken": "yes_all", "seizure": "yes"})
    assert check_ins_and_alerts() == (1, 1)


def test_what_waits_can_be_deleted_from_a_shared_phone(
    network, people, marked_patient, phone
) -> None:
    open_form(phone, network, marked_patient)
    answer(phone, ANSWERS)
    phone.context.set_offline(True)
    phone.get_by_role("button", name="Send my check-in").click()
    phone.get_by_text("Do others use this phone?").wait_for()
    phone.get_by_role("button", name="Delete these answers").click()
    assert phone.evaluate(KEPT) == 1
    phone.get_by_role("button", name="Tap again to delete").click()
    phone.get_by_text("Nothing is waiting on this phone").wait_for()
    assert phone.evaluate(KEPT) == 0


def test_the_phone_keeps_no_answer_beside_the_unsent_ones(
    network, people, marked_patient, phone
) -> None:
    open_form(phone, network, marked_patient)
    answer(phone, ANSWERS)
    phone.get_by_role("button", name="Send my check-in").click()
    phone.locator(".saved--ok").wait_for()
    kept = phone.evaluate(CACHED)
    assert kept
    assert not [text for text in kept if "checked>" in text or 'class="saved saved--ok' in text]
    assert phone.evaluate("localStorage.length + sessionStorage.length") == 0
    assert phone.context.cookies() == []


def test_the_pages_can_be_installed(network, phone) -> None:
    phone.goto(network.url + "/c/")
    phone.get_by_text("Open the link in your newest message").wait_for()
    manifest = phone.evaluate(
        "async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json()"
    )
    assert (manifest["scope"], manifest["start_url"], manifest["display"]) == (
        "/c/", "/c/", "standalone",
    )  # fmt: skip
    for icon in manifest["icons"]:
        assert phone.request.get(network.url + icon["src"]).headers["content-type"] == "image/png"
    scope = "async () => (await navigator.serviceWorker.ready).scope"
    assert phone.evaluate(scope) == network.url + "/c/"


@pytest.fixture
def axe() -> Callable[[Any], list[Any]]:
    """Return what the accessibility checker finds wrong on a page."""
    from tests.harness.barriers import barriers

    return barriers
