"""One patient's whole way, from an intake of high risk to the outcome a year after the last dose.

Time is moved as docs/running.md says: the sweeps by the commands' `--at`, and the clock of the
pages by the same instant. Pages are a real browser's; what other tests do in one is posted.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from apps.checkins.models import CareTask, Reminder
from apps.checkins.reminder_sweep import sweep_reminders
from apps.checkins.task_actions import close_task
from apps.detox.models import Referral, Stay
from apps.patients.models import Medication, Patient
from apps.portal.actions import give_consent
from apps.tapers.actions_clock import settle_due
from tests.conftest import signed_in
from tests.detox.test_aftercare import BAD, GOOD
from tests.detox.test_stay import make_round
from tests.factories import (
    NOW,
    SEIZURE,
    check_in,
    make_care_level,
    make_facility,
    make_patient,
    make_plan,
    proof_of,
    sign,
    weekly,
    write_plan,
)
from tests.portal.conftest import signed_in_as
from tests.tapers.test_changes import decide

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("browser"),
]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
Move = Callable[[datetime], None]


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Move:
    """Move the clock of pages and of sweeps to an instant, and sweep."""
    moment = [NOW]
    monkeypatch.setattr(timezone, "now", lambda: moment[0])

    def go_to(instant: datetime) -> None:
        moment[0] = instant
        settle_due(instant)
        with override_settings(DEBUG=True):  # elsewhere `--at` is refused
            call_command("run_care_clocks", at=instant.isoformat())

    return go_to


@pytest.fixture
def look(browser: Any, live_server: Any) -> Callable[..., Any]:
    """Open a page in the browser as somebody who is signed in; return it."""
    opened = []

    def look_at(client: Any, path: str, width: int = 1440) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900})
        opened.append(context)
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies(
            [{"name": name, "value": client.cookies[name].value, "url": live_server.url}]
        )
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.goto(live_server.url + path)
        return page

    yield look_at
    for context in opened:
        context.close()


def minute(patient: Patient) -> str:
    """Return this minute as a form of the clinic takes it."""
    return f"{timezone.localtime(timezone=patient.clinic.tz):%Y-%m-%dT%H:%M}"


def rules() -> list[str]:
    """Return what every alert so far was opened for, in order."""
    return [rule for alert in Alert.objects.order_by("opened_at", "pk") for rule in alert.rules]


def open_tasks() -> set[str]:
    return set(CareTask.objects.open().values_list("kind", flat=True))


def close_all(by: Any, now: datetime) -> None:
    """Close every alert and task that is open, each with a person's word."""
    for alert in Alert.objects.unresolved():
        resolve_alert(alert=alert, by=by.user, outcome="spoke", note="Seen to.", now=now)
    for task in CareTask.objects.open().exclude(kind="review"):
        close_task(task=task, by=by.user, outcome="done", note="Seen to.", now=now)


def test_from_a_high_risk_to_the_outcome_at_month_twelve(
    clinic, prescriber, nurse, move, look
) -> None:
    patient = make_patient(
        clinic, risk={"prior_wd_seizure": True}, drug_id="diazepam", slots={"night": "2"},
        email="wren@home.example",
    )  # fmt: skip
    give_consent(patient=patient, language="en", now=NOW)
    stay = into_the_unit(patient, prescriber, nurse, move, look)
    home = NOW + 6 * DAY
    go_home(patient, stay, prescriber, move, home)
    off_on = down_to_nothing(patient, prescriber, nurse, move, home + 4 * DAY)
    year_after(patient, prescriber, nurse, move, look, off_on)


def into_the_unit(patient, prescriber, nurse, move, look) -> Stay:
    """Intake of high risk, a seizure, two taps to a unit, a bed, a record of phenobarbital."""
    desk = signed_in(prescriber)
    care = reverse("detox:level", args=[patient.pk])
    answers = dict.fromkeys(("harm", "unmanageable", "severe_withdrawal"), "no")
    assert desk.post(care, answers | {"decided": "daily_contact"}).status_code == 302
    assert patient.risk.tier == "high"
    weekly(patient, NOW, 1, "5")
    plan = make_plan(patient, prescriber.user, start_on=NOW.date().isoformat())
    plan = sign(plan, prescriber.user)
    at = NOW + DAY
    check_in(patient, SEIZURE, now=at)
    move(at)
    (alert,) = Alert.objects.filter(level="emergency")
    assert "E01_SEIZURE" in alert.rules
    assert open_tasks() == {"care_level"}
    unit = make_facility(patient.clinic, prescriber.user, now=at, name="Alder Ward")
    page = look(signed_in(nurse), reverse("dashboard:alert", args=[alert.pk]))
    page.get_by_role("link", name="Detox unit").first.click()  # one tap
    page.locator("main form button[type=submit]").last.click()  # two
    page.get_by_text("What was handed over").wait_for()
    referral = Referral.objects.get()
    assert (referral.facility, referral.status, referral.alert) == (unit, "sent", alert)
    assert plan.holds.open().filter(source_type="referral").exists()
    assert open_tasks() == {"care_level", "referral"}
    move(at + 5 * HOUR)
    assert rules()[-1] == "D01_REFERRAL_UNANSWERED"
    move(at + 25 * HOUR)
    assert rules()[-1] == "D08_CARE_LEVEL_OPEN"
    desk = signed_in(prescriber)
    answers |= {"severe_withdrawal": "yes", "decided": "inpatient"}
    assert desk.post(care, answers).status_code == 302
    sweep_reminders(timezone.now())
    bed = reverse("detox:stay_begin", args=[referral.pk])
    assert desk.post(bed, {"bed": "2", "round_hours": "4"}).status_code == 302
    decide(plan, prescriber, "inpatient", timezone.now(), based_on=1)
    patient.refresh_from_db()
    assert patient.status == "in_hospital"
    assert open_tasks() == set()
    sweep_reminders(timezone.now() + HOUR)
    assert not Reminder.objects.live().exists()
    stay = Stay.objects.get()
    move(at + 30 * HOUR)
    assert rules()[-1] == "D03_ROUND_OVERDUE"
    make_round(stay, nurse, timezone.now(), sedation=1)
    dose = {
        "submission_id": str(stay.pk), "kind": "given", "medicine": "phenobarbital",
        "amount": "as on the unit's chart", "ordered_by": "Dr. Unit", "sedation": "1",
        "breaths": "15", "at": minute(patient), **proof_of(nurse),
    }  # fmt: skip
    signed = signed_in(nurse).post(reverse("detox:dose_create", args=[stay.pk]), dose)
    assert signed.status_code == 302, signed.context["form"].errors
    page = look(signed_in(nurse), reverse("detox:stay", args=[stay.pk]))
    for words in ("phenobarbital", "No dose is suggested here"):
        page.get_by_text(words).first.wait_for()
    close_all(nurse, timezone.now())
    return stay


def go_home(patient, stay, prescriber, move, home) -> None:
    """Discharge with some left; nobody calls, plans or answers: each becomes an alert."""
    move(home)
    close_all(prescriber, home)  # rounds that were not made before the discharge
    path = reverse("detox:discharge", args=[stay.referral_id])
    said = {
        "discharged_at": minute(patient), "left": "some",
        "taken": "diazepam 1 mg at night", "summary": "Calm course.",
    }  # fmt: skip
    done = signed_in(prescriber).post(path, said)
    assert done.status_code == 302, done.context["form"].errors
    patient.refresh_from_db()
    assert (patient.status, patient.daily_until) == ("active", home.date() + 14 * DAY)
    assert open_tasks() == {"contact", "new_plan"}
    sweep_reminders(home)
    assert Reminder.objects.live().get().interval_days == 1
    before = len(rules())
    move(home + 2 * DAY)
    assert open_tasks() == {"contact", "new_plan", "day_missed"}
    move(home + 73 * HOUR)
    said = set(rules()[before:])
    assert said == {"D04_NO_CONTACT_72H", "D05_NO_DAILY_CHECK_IN", "D07_NO_PLAN_AFTER"}
    close_all(prescriber, timezone.now())


def down_to_nothing(patient, prescriber, nurse, move, start) -> datetime:
    """Taper the rest at home with a check-in each day; return when nothing is taken."""
    move(start)
    close_all(nurse, start)
    make_care_level(patient, prescriber.user, now=start)
    # The intake says what the unit's letter said; a plan is made of nothing else.
    Medication.objects.filter(patient=patient).update(night_mg=1)
    fresh = Patient.objects.get(pk=patient.pk)
    plan = make_plan(
        fresh, prescriber.user, now=start, start_on=start.date().isoformat(), goal_mg="0",
        slots={"night": "1"}, method={"kind": "custom", "daily_mg": ["0.5", "0"]},
    )  # fmt: skip
    plan = sign(plan, prescriber.user, now=start)
    last = plan.latest.steps.order_by("number").last()
    assert not last.daily_mg
    before, at = len(rules()), start
    while at.date() <= last.start_on:
        check_in(fresh, GOOD, now=at - HOUR)
        move(at)
        at += DAY
    assert rules()[before:] == []
    patient.refresh_from_db()
    assert patient.last_dose_on == last.start_on - DAY
    return at - DAY


def year_after(patient, prescriber, nurse, move, look, off_on) -> None:
    """A wave at month 4, seen and told apart; at month 12 the outcome, for both."""
    wave = off_on + 120 * DAY
    move(wave)
    before = len(rules())
    check_in(patient, BAD, now=wave)
    check_in(patient, BAD, now=wave + DAY)
    assert "W17_PROTRACTED" in rules()[before:]
    close_all(nurse, wave + DAY)
    check_in(patient, GOOD, now=wave + 8 * DAY)
    move(wave + 9 * DAY)
    outcome = reverse("detox:outcome", args=[patient.pk])
    page = look(signed_in(prescriber), outcome)
    for words in ("Wave", "Window", "Symptoms come and go"):
        page.get_by_text(words).first.wait_for()
    year = off_on + 366 * DAY
    weekly(patient, year - HOUR, 0, "8")
    move(year)
    task = CareTask.objects.open().get(kind="aftercare")
    assert task.title == "A year since the last dose: look at the outcome together"
    page = look(signed_in(prescriber), outcome)
    page.get_by_text("better").first.wait_for()
    own = look(signed_in_as(patient), reverse("portal:far"), width=320)
    own.get_by_role("heading", name="How far I have come").wait_for()
    own.get_by_text("Better than at first.").first.wait_for()
    assert own.evaluate("document.documentElement.scrollWidth") == 320
    at_3_am(own, patient, prescriber)
    close_task(task=task, by=nurse.user, outcome="done", note="Talked.", now=year)
    move(year + HOUR)
    assert open_tasks() <= {"review"}


def at_3_am(own: Any, patient: Patient, prescriber: Any) -> None:
    """Keep the coping plan on the phone: it opens when the sign-in is over, until taken off."""
    write_plan(patient, prescriber.user, helps="Cold water on my wrists.", now=timezone.now())
    start = own.url.removesuffix(reverse("portal:far"))
    own.goto(start + reverse("portal:coping"))
    own.get_by_role("button", name="Keep it on this phone").click()
    own.get_by_role("button", name="Take it off this phone").wait_for()
    own.context.clear_cookies()
    own.goto(start + reverse("portal:coping"))
    own.get_by_text("Cold water on my wrists.").wait_for()
    own.get_by_text("This copy is kept on your phone.").wait_for()
    own.get_by_role("button", name="Take it off this phone").click()
    own.get_by_role("button", name="Keep it on this phone").wait_for()
    own.goto(start + reverse("portal:coping"))
    assert own.url == start + reverse("portal:sign_in")
