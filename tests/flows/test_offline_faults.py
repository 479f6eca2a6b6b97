"""A store that another page holds, a new release, too much text: no answer is lost."""

from typing import Any

import pytest
from django.utils import timezone

from apps.checkins.models import CheckIn
from tests.flows.test_browser_path import ANSWERS
from tests.flows.test_offline import KEPT, fill, network, open_form, phone  # noqa: F401
from tests.flows.test_offline_tabs import CALM, OF_THE_FORMER_VERSION, new_url, seizures, send
from tests.harness.marks import BROWSER_FLOW
from tests.harness.proxy import Line
from tests.harness.waiting import wait_until

pytestmark = BROWSER_FLOW
FLOOD = "() => { document.getElementById('i-supply_days').value = '1'.repeat(300000); }"
LENGTH = "() => document.getElementById('i-supply_days').value.length"
MANY = """() => {
  for (let each = 0; each < 200; each++) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: "junk", value: "x".repeat(3000) });
    document.getElementById("checkin").append(field);
  }
}"""
TOLD = "We are telling the person on call now"
HOLD = """() => new Promise((done) => {
  indexedDB.deleteDatabase("checkins").onsuccess = () => {
    const open = indexedDB.open("checkins", 1);
    open.onupgradeneeded = () => open.result.createObjectStore("unsent", { keyPath: "path" });
    open.onsuccess = () => { window.held = open.result; done(); };
  };
})"""
# A page that the phone has put to sleep in the middle of a write.
HOLD_A_WRITE = """() => new Promise((done) => {
  const open = indexedDB.open("checkins");
  open.onsuccess = () => {
    window.free = false;
    const rows = open.result.transaction("unsent", "readwrite").objectStore("unsent");
    const again = () => {
      done();
      if (window.free) return open.result.close();
      rows.count().onsuccess = again;
    };
    again();
  };
})"""
ADD_A_SECOND_ROW = """(entry) => new Promise((done) => {
  const open = indexedDB.open("checkins", 1);
  open.onsuccess = () => {
    const rows = open.result.transaction("unsent", "readwrite");
    rows.objectStore("unsent").put(entry);
    rows.oncomplete = () => { open.result.close(); done(); };
  };
})"""


def open_start(page: Any, network: Any) -> None:  # noqa: F811
    page.goto(network.url + "/c/")
    page.get_by_text("Nothing is waiting on this phone").wait_for()


def test_a_store_that_another_page_holds_keeps_no_seizure_back(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    open_start(phone, network)
    phone.evaluate(HOLD)
    other = phone.context.new_page()
    other.goto(new_url(network, marked_patient))
    fill(other, ANSWERS)
    send(other)
    other.get_by_text(TOLD).wait_for()
    assert seizures() == ["yes"]
    phone.evaluate("window.held.close()")
    wait_until(lambda: other.evaluate(KEPT) == 0)
    # The store works again when the former page has let it go.
    other.goto(new_url(network, marked_patient))
    fill(other, {"dose_taken": "yes_all"})
    wait_until(lambda: other.evaluate(KEPT) == 1)


def test_a_write_that_another_page_never_ends_keeps_no_seizure_back(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    open_start(phone, network)
    other = phone.context.new_page()
    other.goto(new_url(network, marked_patient))
    phone.evaluate(HOLD_A_WRITE)
    fill(other, ANSWERS)
    send(other)
    other.get_by_text(TOLD).wait_for()
    assert seizures() == ["yes"]
    phone.evaluate("window.free = true")
    wait_until(lambda: other.evaluate(KEPT) == 0)


def test_two_former_rows_with_one_id_are_both_sent(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    open_start(phone, network)
    paths = [new_url(network, marked_patient).removeprefix(network.url) for _ in range(2)]
    entries = [
        {
            "path": path, "fields": [["version", "1"], ["seizure", said], *rest], "sending": True,
            "submission": "11111111-2222-4333-8444-555555555555", "changed": 1, "calls": [],
            "felt": timezone.now().isoformat(),
        }
        for path, said, rest in zip(
            paths, ("yes", "no"), ([], [["red_flags", "rf_chest"]]), strict=True
        )
    ]  # fmt: skip
    phone.evaluate(OF_THE_FORMER_VERSION, entries[0])
    phone.evaluate(ADD_A_SECOND_ROW, entries[1])
    phone.reload()
    wait_until(lambda: CheckIn.objects.count() == 2)
    assert sorted(seizures()) == ["no", "yes"]


def test_too_much_text_is_told_beside_its_field_and_nothing_is_lost(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    phone.goto(new_url(network, marked_patient))
    assert phone.locator("#i-supply_days").get_attribute("maxlength") == "20"
    fill(phone, CALM)
    phone.evaluate(FLOOD)
    send(phone)
    phone.locator("#e-supply_days").wait_for()
    assert phone.locator("#i-seizure-no").is_checked()
    wait_until(lambda: phone.evaluate(LENGTH) == 300_000)
    assert seizures() == []


@pytest.mark.parametrize("flood", [FLOOD, MANY], ids=["one field", "in all"])
def test_a_seizure_with_too_much_text_gets_through(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
    flood,
) -> None:
    """Where all of it is still too much, the tapped answers go out alone."""
    phone.goto(new_url(network, marked_patient))
    fill(phone, ANSWERS)
    phone.evaluate(flood)
    send(phone)
    phone.get_by_text(TOLD).wait_for()
    assert seizures() == ["yes"]
    assert phone.evaluate(KEPT) == 0


def test_what_is_too_much_in_all_is_in_the_form_again(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    phone.goto(new_url(network, marked_patient))
    fill(phone, CALM)
    phone.evaluate(MANY)
    send(phone)
    phone.get_by_text("That was too much text").wait_for()
    phone.get_by_role("link", name="Look at the answers and send them again").click()
    phone.locator("#i-seizure-no:checked").wait_for(state="attached")
    send(phone)
    phone.locator(".saved--ok").wait_for()
    assert seizures() == ["no"]


def test_a_new_release_takes_no_form_from_the_phone(network, people, marked_patient, phone) -> None:  # noqa: F811
    open_form(phone, network, marked_patient)
    (former,) = phone.evaluate("caches.keys()")
    newer = former[:-1] + ("0" if former[-1] != "0" else "1")
    url = new_url(network, marked_patient)
    phone.goto(network.url + "/c/")
    network.swap = (former.encode(), newer.encode())
    phone.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update())")
    wait_until(lambda: newer in phone.evaluate("caches.keys()"))
    phone.wait_for_timeout(3000)  # the new worker has taken over
    phone.context.set_offline(True)
    phone.goto(url)
    phone.locator("#q-dose_taken.is-current").wait_for()
    phone.context.set_offline(False)
    phone.goto(url)  # the newer cache has the form now: the former one has served
    wait_until(lambda: phone.evaluate("caches.keys()") == [newer])
    phone.context.set_offline(True)
    phone.goto(url)
    phone.locator("#q-dose_taken.is-current").wait_for()


def test_an_open_form_is_kept_again_by_the_worker_of_a_new_release(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
) -> None:
    open_form(phone, network, marked_patient)
    (former,) = phone.evaluate("caches.keys()")
    newer = former[:-1] + ("0" if former[-1] != "0" else "1")
    network.swap = (former.encode(), newer.encode())
    phone.evaluate("navigator.serviceWorker.getRegistration().then((found) => found.update())")
    wait_until(lambda: phone.evaluate("caches.keys()") == [newer])
    phone.context.set_offline(True)
    phone.reload()
    phone.locator("#q-dose_taken.is-current").wait_for()


@pytest.mark.parametrize("line", [Line.HANGS, Line.AWAY])
def test_where_no_answer_comes_the_kept_form_opens_and_is_sent_later(
    network,  # noqa: F811
    people,
    marked_patient,
    phone,  # noqa: F811
    line,
) -> None:
    open_form(phone, network, marked_patient)
    url = new_url(network, marked_patient)
    network.line = line
    phone.goto(url)
    fill(phone, ANSWERS)
    send(phone)
    network.line = Line.FINE
    phone.get_by_text(TOLD).wait_for()
    assert seizures() == ["yes"]
