"""One patient's whole way, from an intake of high risk to the outcome a year after the last dose.

In Chromium, by pages only: staff and patient type, choose and send as people do (`way.py`). Each
stage says which alerts and tasks it made; nothing is made by the test itself.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.models import Alert
from apps.checkins.models import CareTask, CheckIn, Reminder
from apps.detox.models import DoseRecord, Referral, Stay
from apps.patients.models import Patient, Role
from apps.tapers.models import TaperPlan

# Read while demo mode is off: config/urls.py looks at it once, when it is imported.
from tests.demo import urls
from tests.detox.way import ADDRESS, DAY, HOUR, Way, open_tasks, rules, tasks_so_far
from tests.factories import NOW, make_clinic, make_member
from tests.flows.test_browser_path import ask_about_risk
from tests.harness.smtp import SmtpServer

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.xdist_group("whole-way"),  # three minutes, beside the other browser tests
]
BAD = dict.fromkeys(("s_anx", "s_restless", "s_sleep"), "3")
WEEK = {f"phq9_{n}": "1" for n in range(1, 9)} | {"sleep_hours": "5"}

# Every alert of the whole way, and every task with what came of it; no other, and in this order.
ALERTS = [
    "E01_SEIZURE", "D01_REFERRAL_UNANSWERED", "D08_CARE_LEVEL_OPEN", "D03_ROUND_OVERDUE",
    "D06_DEEPLY_SEDATED", "D03_ROUND_OVERDUE", "D04_NO_CONTACT_72H", "D05_NO_DAILY_CHECK_IN",
    "D07_NO_PLAN_AFTER", "D07_NO_PLAN_AFTER", "W17_PROTRACTED", "W17_PROTRACTED",
]  # fmt: skip
TASKS = [
    ("care_level", "overtaken"), ("referral", "overtaken"), ("arrival", "overtaken"),
    ("contact", "spoke"), ("new_plan", "overtaken"), ("day_missed", "spoke"),
    ("day_missed", "spoke"), ("aftercare", "done"),
]  # fmt: skip


@pytest.fixture
def way(
    settings: Any, monkeypatch: Any, transactional_db: None, browser: Any, live_server: Any
) -> Iterator[Way]:
    """One clinic with its people on a live server in the demonstration, and a mail server."""
    settings.DEMO_MODE, settings.ROOT_URLCONF = True, urls.__name__
    settings.LOGIN_URL, settings.SITE_URL = "demo:entry", live_server.url
    clinic = make_clinic("Larkspur Clinic")
    make_member(clinic, Role.CLINICAL_LEAD, "Lea Leader")
    make_member(clinic, Role.NURSE, "Nell Nurse")
    with SmtpServer() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        told = Way(browser, live_server.url, server)
        monkeypatch.setattr(timezone, "now", lambda: told.now)
        yield told
        told.close()


def test_from_a_high_risk_to_the_outcome_at_month_twelve(way) -> None:
    intake(way)
    into_the_unit(way)
    in_the_unit(way)
    home = go_home(way)
    off_on = down_to_nothing(way, home)
    a_wave_at_month_four(way, off_on)
    the_outcome(way, off_on)
    followed_no_more(way)
    assert rules() == ALERTS
    assert tasks_so_far() == TASKS


def the_patient() -> Patient:
    return Patient.objects.get()


def intake(way: Way) -> None:
    """Register, ask about risk, invite, agree, answer the level of care, sign the plan."""
    desk = way.desk("Lea Leader")
    way.open(desk, "detox:facilities")
    desk.locator("#id_name").fill("Alder Ward")
    desk.get_by_label("Phone for referrals").fill("555-0177")
    desk.get_by_label("These are beds of our own").check()
    desk.locator("main form button[type=submit]").last.click()
    desk.get_by_text("Alder Ward").first.wait_for()
    desk.goto(way.url)
    desk.get_by_role("link", name="New patient").click()
    for label, value in (
        ("Given name", "Zephyrine"), ("Family name", "Quillfeather"),
        ("Date of birth", "1979-03-02"), ("Phone", "555-7391"), ("E-mail", ADDRESS),
    ):  # fmt: skip
        desk.get_by_label(label).first.fill(value)
    desk.get_by_label("Benzodiazepine taken now").select_option("diazepam")
    desk.locator("#id_taken_months").fill("36")
    desk.locator("#id_night_mg").fill("2")
    way.press(desk, "Register patient")
    desk.get_by_role("heading", name="Zephyrine Quillfeather").wait_for()
    ask_about_risk(desk)
    patient = the_patient()
    assert patient.risk.tier == "high"
    agree(way, desk, patient)
    answer_level(way, desk, patient, "Outpatient with daily contact", severe=False)
    plan(way, desk, patient, goal="1", reduce_by="0.5")
    assert rules() == []
    assert open_tasks() == []
    way.go_to(NOW + HOUR)


def agree(way: Way, desk: Any, patient: Patient) -> None:
    """Invite the patient, who agrees by the link of the mail and comes in by a code."""
    desk.goto(f"{way.url}/patients/{patient.pk}/own-pages/")
    way.press(desk, "Send the invitation")
    way.go_to(way.now)
    own = way.page(390)
    own.goto(way.url + way.letter("/me/"))
    own.locator("main .btn--send").first.click()
    own.locator("label[for='i-agree']").click()
    own.locator("main .btn--send").first.click()
    own.locator("#i-remind_at").wait_for()
    own.locator("main .btn--send").first.click()
    own.locator("#i-code").wait_for()
    own.locator("#i-code").fill(way.code())
    own.locator("main .btn--send").first.click()
    own.get_by_role("heading", name="Zephyrine").first.wait_for()


def answer_level(way: Way, desk: Any, patient: Patient, decided: str, *, severe: bool) -> None:
    """Answer the three questions of ASAM-07 and decide."""
    way.open(desk, "detox:level", patient.pk)
    for number in range(3):
        yes = severe and number == 2
        desk.get_by_label("Yes" if yes else "No", exact=True).nth(number).check()
    desk.get_by_label(decided, exact=True).check()
    way.press(desk, "Keep the decision")
    desk.get_by_text("Level of care: ").first.wait_for()


def plan(way: Way, desk: Any, patient: Patient, *, goal: str, reduce_by: str) -> None:
    """Build a plan, save it and sign it, with what a high risk asks for."""
    way.open(desk, "tapers:create", patient.pk)
    desk.get_by_label("Why this plan").fill("Wishes to sleep without it.")
    desk.locator("#id_start_on").fill(f"{way.now.astimezone(patient.tz):%Y-%m-%d}")
    desk.locator("#id_method").select_option("fixed_mg")
    desk.get_by_label("Milligrams each time").fill(reduce_by)
    desk.get_by_label("Goal (mg a day)").fill(goal)
    way.press(desk, "Preview")
    desk.get_by_text(f"{reduce_by} mg every 14 days").first.wait_for()
    way.press(desk, "Save draft")
    desk.get_by_label("The patient agreed on").fill(f"{way.now.astimezone(patient.tz):%Y-%m-%d}")
    desk.get_by_label("How", exact=True).select_option("visit")
    desk.get_by_label("I sign this").check()
    desk.get_by_label("Why outpatient care is right").fill("Seen weekly, sister at home.")
    way.press(desk, "Sign and activate")
    desk.get_by_text("The plan is active.").wait_for()


def into_the_unit(way: Way) -> None:
    """A seizure, two taps to a unit, a unit that is slow, a level of care that waits, a bed."""
    patient, at = the_patient(), way.next_mail()
    asked = way.check_in(weekly=True, seizure="yes", **WEEK)
    assert {"seizure", "red_flags", "si", "phq9_1", "gad7_7", "sleep_hours"} <= set(asked)
    assert rules() == ["E01_SEIZURE"]
    way.go_to(at)
    assert open_tasks() == ["care_level"]
    nurse = way.desk("Nell Nurse")
    way.open(nurse, "dashboard:alert", Alert.objects.get().pk)
    nurse.get_by_role("link", name="Detox unit").first.click()  # one tap
    nurse.locator("main form button[type=submit]").last.click()  # two
    nurse.get_by_text("What was handed over").wait_for()
    referral = Referral.objects.get()
    assert (referral.status, referral.alert) == ("sent", Alert.objects.get())
    assert TaperPlan.objects.get().holds.open().filter(source_type="referral").exists()
    assert open_tasks() == ["care_level", "referral"]
    way.go_to(at + 5 * HOUR)
    assert rules()[1:] == ["D01_REFERRAL_UNANSWERED"]
    nurse = way.desk("Nell Nurse")  # a session does not last for five hours
    way.open(nurse, "detox:referral", referral.pk)
    nurse.locator("button[name=to][value=accepted]").click()
    nurse.get_by_text("The referral is accepted").wait_for()
    way.go_to(at + 25 * HOUR)
    assert rules()[2:] == ["D08_CARE_LEVEL_OPEN"]
    desk = way.desk("Lea Leader")
    answer_level(way, desk, patient, "Inpatient", severe=True)
    way.open(desk, "detox:stay_begin", referral.pk)
    desk.locator("#id_bed").fill("2")
    desk.get_by_label("Hours between two rounds").fill("4")
    way.press(desk, "Take into the bed")
    way.open(desk, "tapers:inpatient", TaperPlan.objects.get().pk)
    desk.get_by_label("Reason").fill("Seizure.")
    way.press(desk, "Preview")
    desk.get_by_label("I sign this").check()
    way.press(desk, "Sign and save")
    desk.get_by_text("The patient is in hospital").first.wait_for()
    way.go_to(at + 26 * HOUR)
    patient.refresh_from_db()
    assert (patient.status, TaperPlan.objects.get().status) == ("in_hospital", "inpatient")
    assert open_tasks() == []
    assert not Reminder.objects.live().exists()
    desk = way.desk("Lea Leader")
    assert way.see_to_everything(desk) == (
        ["E01_SEIZURE", "D01_REFERRAL_UNANSWERED", "D08_CARE_LEVEL_OPEN"], [],
    )  # fmt: skip


def in_the_unit(way: Way) -> None:
    """A round that is late, a round, a dose of phenobarbital as ordered, one that is held."""
    stay, before = Stay.objects.get(), len(rules())
    way.go_to(way.now + 5 * HOUR)
    assert rules()[before:] == ["D03_ROUND_OVERDUE"]
    nurse = way.desk("Nell Nurse")
    way.open(nurse, "detox:round_create", stay.pk)
    nurse.locator("input[name=sedation][value='1']").check()
    for field, value in (("pulse", "88"), ("breaths", "15"), ("oxygen", "97")):
        nurse.locator(f"#id_{field}").fill(value)
    for number in range(1, 21):
        nurse.locator(f"#id_anchor_{number}").select_option("1")
    way.press(nurse, "Record the round")
    for kind in ("given", "held"):
        way.open(nurse, "detox:dose_create", stay.pk)
        nurse.locator(f"input[name=kind][value='{kind}']").check()
        nurse.locator("#id_medicine").fill("phenobarbital")
        nurse.get_by_label("Whose order").fill("Dr. Unit")
        nurse.locator(f"input[name=sedation][value='{3 if kind == 'held' else 1}']").check()
        nurse.get_by_label("Breaths a minute just before").fill("14")
        nurse.locator("#id_at").fill(f"{way.now.astimezone(stay.clinic.tz):%Y-%m-%dT%H:%M}")
        nurse.get_by_label("I sign this").check()
        if kind == "given":
            nurse.locator("#id_amount").fill("as on the unit's chart")
        else:
            nurse.locator("#id_held_because").select_option("sedation")
        way.press(nurse, "Sign")
        nurse.get_by_text("What was given").wait_for()
    for words in ("phenobarbital", "No dose is suggested here"):
        nurse.get_by_text(words).first.wait_for()
    assert sorted(DoseRecord.objects.values_list("kind", flat=True)) == ["given", "held"]
    seen_to = way.see_to_everything(nurse)
    assert seen_to == (["D03_ROUND_OVERDUE", "D06_DEEPLY_SEDATED"], []), "wakes only to touch"


def go_home(way: Way) -> datetime:
    """Discharge with some left; nobody calls, plans or answers: each becomes an alert."""
    patient, stay, home = the_patient(), Stay.objects.get(), NOW + 6 * DAY
    way.go_to(home)
    desk = way.desk("Lea Leader")
    assert way.see_to_everything(desk) == (["D03_ROUND_OVERDUE"], [])
    way.open(desk, "detox:discharge", stay.referral_id)
    desk.get_by_label("Discharged at").fill(f"{home.astimezone(patient.clinic.tz):%Y-%m-%dT%H:%M}")
    desk.locator("input[name=left][value=some]").check()
    desk.get_by_label("What is taken now").fill("diazepam 1 mg at night")
    desk.get_by_label("What happened in the unit").fill("Calm course.")
    way.press(desk, "Home again")
    desk.get_by_text("The first contact and daily check-ins are set.").wait_for()
    patient.refresh_from_db()
    assert (patient.status, patient.daily_until) == ("active", home.date() + 14 * DAY)
    assert open_tasks() == ["contact", "new_plan"]
    way.go_to(home + HOUR)
    assert Reminder.objects.live().get().interval_days == 1
    before = len(rules())
    way.go_to(home + 2 * DAY)
    assert open_tasks() == ["contact", "new_plan", "day_missed"]
    way.go_to(home + 73 * HOUR)
    said = ["D04_NO_CONTACT_72H", "D05_NO_DAILY_CHECK_IN", "D07_NO_PLAN_AFTER"]
    assert rules()[before:] == said
    desk = way.desk("Lea Leader")
    assert way.see_to_everything(desk) == (said, ["contact", "day_missed"])
    assert open_tasks() == ["new_plan"], "only the plan ends it"
    return home


def down_to_nothing(way: Way, home: datetime) -> datetime:
    """Tell the intake what is taken, sign the rest of the taper, answer each day to the end."""
    patient = the_patient()
    way.go_to(home + 4 * DAY)
    desk = way.desk("Lea Leader")
    assert way.see_to_everything(desk) == (["D07_NO_PLAN_AFTER"], ["day_missed"])
    assert open_tasks() == ["new_plan"]
    desk.goto(f"{way.url}/patients/{patient.pk}/intake/medicine/")
    desk.locator("#id_night_mg").fill("1")
    desk.get_by_role("button", name="Save and see the result").click()
    desk.get_by_role("heading", name="Seizure risk").wait_for()
    answer_level(way, desk, patient, "Outpatient with daily contact", severe=False)
    plan(way, desk, patient, goal="0", reduce_by="1")
    return each_day_to_nothing(way, home)


def each_day_to_nothing(way: Way, home: datetime) -> datetime:
    """Answer what each mail asks; the step of nothing begins, and with it the year after."""
    last = TaperPlan.objects.active().get().latest.steps.order_by("number").last()
    before, weeks = len(rules()), 0
    assert not last.daily_mg
    while the_patient().last_dose_on is None:
        at = way.next_mail()
        live = Reminder.objects.live().get()
        asked = way.check_in(weekly=live.kind == "weekly", **WEEK)
        assert {"seizure", "red_flags", "si"} <= set(asked)
        weeks += "phq9_1" in asked
    assert rules()[before:] == []
    assert weeks >= (last.start_on - home.date()).days // 7 - 1
    assert the_patient().last_dose_on == last.start_on - DAY
    assert open_tasks() == []
    return at


def a_wave_at_month_four(way: Way, off_on: datetime) -> None:
    """Weeks of little, then a wave: W17 says so, without a word of a dose; then it ends."""
    before = len(rules())
    while (way.next_mail() - off_on).days < 120:
        asked = way.check_in()
        assert "dose_taken" not in asked
    assert rules()[before:] == []
    assert open_tasks() == []
    way.check_in(weekly=True, **BAD, **WEEK)
    told = CheckIn.objects.filter(questionnaire="daily").latest("received_at").triage
    assert rules()[before:] == ["W17_PROTRACTED"]
    assert all(key.endswith("_OFF") for key in told.text_keys)
    way.next_mail()
    way.check_in(**BAD)
    desk = way.desk("Lea Leader")
    assert way.see_to_everything(desk) == (["W17_PROTRACTED"] * 2, [])
    assert open_tasks() == []
    way.next_mail()
    way.check_in()
    desk = way.desk("Lea Leader")
    way.open(desk, "detox:outcome", the_patient().pk)
    for words in ("Wave", "Window", "Symptoms come and go"):
        desk.get_by_text(words).first.wait_for()
    assert desk.get_by_text("No baseline").count() == 0


def the_outcome(way: Way, off_on: datetime) -> None:
    """A year on: the task to look together, the outcome at the desk and on the phone."""
    before = len(rules())
    asked: list[str] = []
    while (way.next_mail() - off_on).days < 366:
        near = (way.now - off_on).days > 330
        asked = way.check_in(weekly=near, **{f"phq9_{n}": "0" for n in range(1, 9)})
    way.go_to(max(way.now, off_on + 367 * DAY))
    assert "phq9_1" in asked
    assert rules()[before:] == []
    task = CareTask.objects.open().get(kind="aftercare")
    assert task.title == "A year since the last dose: look at the outcome together"
    desk, patient = way.desk("Lea Leader"), the_patient()
    way.open(desk, "detox:outcome", patient.pk)
    desk.get_by_text("better").first.wait_for()
    way.open(desk, "detox:coping_edit", patient.pk)
    desk.locator("#id_helps").fill("Cold water on my wrists.")
    desk.locator("main form button[type=submit]").last.click()
    desk.get_by_text("Cold water on my wrists.").first.wait_for()
    own = come_in(way)
    way.open(own, "portal:far")
    own.get_by_role("heading", name="How far I have come").wait_for()
    own.get_by_text("Better than at first.").first.wait_for()
    assert own.evaluate("document.documentElement.scrollWidth") == 320
    at_3_am(way, own)
    assert way.see_to_everything(desk) == ([], ["aftercare"])
    way.go_to(way.now + HOUR)
    assert open_tasks() == []


def followed_no_more(way: Way) -> None:
    """End the plan for the rest: nobody asks for another one, and the clinic may let go."""
    patient, plan = the_patient(), TaperPlan.objects.active().get()
    desk = way.desk("Lea Leader")
    way.open(desk, "tapers:end", plan.pk)
    desk.locator("#id_reason").fill("Nothing is taken since a year.")
    way.press(desk, "Preview")
    desk.get_by_label("I sign this").check()
    way.press(desk, "Sign and save")
    desk.get_by_text("ended").first.wait_for()
    for _ in range(3):
        way.go_to(way.now + DAY)
    assert open_tasks() == []
    desk = way.desk("Lea Leader")
    way.open(desk, "patients:intake", patient.pk)
    desk.locator("#id_status").select_option("ended")
    desk.locator("section[aria-labelledby=followed] button").click()
    desk.wait_for_load_state()
    assert the_patient().status == "ended"
    assert sorted(TaperPlan.objects.values_list("status", flat=True)) == ["ended", "inpatient"]


def come_in(way: Way) -> Any:
    """Sign the patient in on the smallest phone, by a code."""
    own = way.page(320)
    way.open(own, "portal:sign_in")
    own.locator("input[type=email]").fill(ADDRESS)
    own.locator("main .btn--send").first.click()
    own.locator("#i-code").wait_for()
    own.locator("#i-code").fill(way.code())
    own.locator("main .btn--send").first.click()
    own.get_by_role("heading", name="Zephyrine").first.wait_for()
    return own


def at_3_am(way: Way, own: Any) -> None:
    """Keep the coping plan on the phone: it opens when the sign-in is over, until taken off."""
    way.open(own, "portal:coping")
    way.press(own, "Keep it on this phone")
    own.get_by_role("button", name="Take it off this phone").wait_for()
    own.context.clear_cookies()
    way.open(own, "portal:coping")
    own.get_by_text("Cold water on my wrists.").wait_for()
    own.get_by_text("This copy is kept on your phone.").wait_for()
    way.press(own, "Take it off this phone")
    own.get_by_role("button", name="Keep it on this phone").wait_for()
    way.open(own, "portal:coping")
    assert own.url == way.url + reverse("portal:sign_in")
