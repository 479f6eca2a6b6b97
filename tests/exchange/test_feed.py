"""The calendar a phone subscribes to: whose it is, what it says, how it ends."""

from datetime import date, timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from apps.audit.models import AuditEvent
from apps.exchange import actions
from apps.exchange.actions import make_feed, revoke_feed
from apps.exchange.feed import calendar_file
from apps.exchange.models import CalendarFeed
from apps.tapers.actions_changes import change_plan
from apps.tapers.changes import Change
from apps.tapers.schedule import schedule_of
from apps.tapers.signable import Signing
from tests.conftest import signed_in
from tests.exchange.reading import feed_days
from tests.factories import NOW, make_active_plan, make_patient

pytestmark = pytest.mark.django_db
START = "2026-11-23"


def fetch(token, **headers):
    return Client().get(reverse("exchange:feed", args=[token]), headers=headers)


@pytest.fixture
def token(patient, prescriber):
    make_active_plan(patient, prescriber.user, start_on=START)
    return make_feed(patient=patient, with_names=False, by=prescriber.user, now=NOW)


def test_only_the_hash_of_the_token_is_kept(token) -> None:
    feed = CalendarFeed.objects.get()
    assert token not in str(vars(feed))
    assert len(token) >= 43


def test_anybody_with_the_address_reads_the_plan_and_it_is_on_record(token) -> None:
    answer = fetch(token)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/calendar")
    assert AuditEvent.objects.filter(event="calendar.read", actor_id=None).count() == 1


def test_guessed_addresses_are_slowed_and_the_real_one_works(token) -> None:
    codes = [fetch(f"guess-{number}").status_code for number in range(22)]
    assert codes == [404] * 20 + [429] * 2
    assert fetch(token).status_code == 200


def test_the_medicine_is_named_only_when_the_patient_asked(patient, token) -> None:
    assert b"clonazepam" not in fetch(token).content.lower()
    named = make_feed(patient=patient, with_names=True, by=None, now=NOW)
    assert b"clonazepam" in fetch(named).content


def test_two_medicines_without_names_are_not_mixed_up(clinic, prescriber) -> None:
    patient = make_patient(clinic)
    switch = {
        "kind": "switch", "to_drug": "diazepam", "source": "ashton_low", "swap_days": 7,
        "then": {"kind": "percent_of_current", "percent": "10"},
    }  # fmt: skip
    make_active_plan(patient, prescriber.user, start_on=START, method=switch, goal_mg="10")
    schedule = schedule_of(patient, NOW)
    body = calendar_file(schedule, with_names=False, site="x").decode()
    assert "Two medicines today: look at your plan" in body.replace("\r\n ", "")


def test_a_program_that_knows_the_plan_gets_no_second_copy(token) -> None:
    etag = fetch(token)["ETag"]
    again = fetch(token, if_none_match=etag)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert fetch(token, if_none_match='"another"').status_code == 200


def test_events_keep_their_ids_when_the_plan_moves(patient, prescriber, token) -> None:
    before = Calendar.from_ical(fetch(token).content)
    plan = patient.plans.get()
    change_plan(
        plan=plan, change=Change("hold", "Sleeps badly.", {"days": 14}), based_on=1,
        signing=Signing("two_factors"), by=prescriber.user, now=NOW,
    )  # fmt: skip
    after = Calendar.from_ical(fetch(token).content)
    first = {str(e["uid"]): e for e in before.walk("VEVENT")}
    second = {str(e["uid"]): e for e in after.walk("VEVENT")}
    assert set(first) == set(second)
    uid = next(u for u in first if u.split("@")[0].endswith("-2"))
    assert second[uid]["dtstart"].dt - first[uid]["dtstart"].dt == timedelta(days=14)
    assert second[uid]["sequence"] > first[uid]["sequence"]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
@pytest.mark.parametrize("start", ["2026-02-23", "2026-10-12", "2026-03-23", "2026-09-21"])
def test_a_clock_change_moves_no_dose(clinic, prescriber, zone, start) -> None:
    patient = make_patient(clinic, time_zone=zone)
    begun = NOW.replace(month=int(start[5:7]), day=int(start[8:]))
    make_active_plan(patient, prescriber.user, now=begun, start_on=start)
    schedule = schedule_of(patient, begun)
    days = feed_days(calendar_file(schedule, with_names=False, site="x"), date(2027, 1, 31))
    assert sorted(days) == [min(days) + timedelta(days=n) for n in range(len(days))]
    lengths = {
        (step.end_on - step.start_on).days + 1 for step in schedule.steps if step.end_on is not None
    }
    assert lengths == {14}


def test_a_revoked_address_stops_at_once_and_stopping_twice_is_once(patient, token) -> None:
    assert revoke_feed(patient=patient, by=None, now=NOW) is True
    assert revoke_feed(patient=patient, by=None, now=NOW) is False
    assert fetch(token).status_code == 404
    assert AuditEvent.objects.filter(event="calendar.revoked").count() == 1


def test_a_new_address_replaces_the_old_one(patient, token) -> None:
    second = make_feed(patient=patient, with_names=False, by=None, now=NOW)
    assert fetch(token).status_code == 404
    assert fetch(second).status_code == 200


def test_postgresql_refuses_two_live_addresses(patient, token) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        CalendarFeed.objects.create(
            clinic=patient.clinic, patient=patient, token_hash="x" * 64, created_at=NOW
        )


@pytest.mark.parametrize("action", [partial(make_feed, with_names=True), revoke_feed])
def test_an_act_without_its_audit_row_did_not_happen(patient, token, monkeypatch, action) -> None:
    def broken(*args, **kwargs):
        raise RuntimeError("no audit row")

    monkeypatch.setattr(actions, "record", broken)
    with pytest.raises(RuntimeError):
        action(patient=patient, by=None, now=NOW)
    monkeypatch.undo()
    assert fetch(token).status_code == 200
    assert CalendarFeed.objects.count() == 1


def test_an_unknown_address_says_nothing(db) -> None:
    answer = fetch("guess")
    assert (answer.status_code, answer.content) == (404, b"")


def test_staff_make_and_stop_an_address_and_see_it_once(patient, prescriber, nurse) -> None:
    plan = make_active_plan(patient, prescriber.user, start_on=START)
    client = signed_in(nurse)
    page = client.post(reverse("exchange:feed_create", args=[patient.pk]), {"with_names": "1"})
    assert CalendarFeed.objects.get().with_names is True
    url = page.context["feed_url"]
    assert url in page.text
    assert (
        url.rsplit("/", 1)[1] not in client.get(reverse("exchange:schedule", args=[plan.pk])).text
    )
    client.post(reverse("exchange:feed_revoke", args=[patient.pk]))
    assert not CalendarFeed.objects.live().exists()
