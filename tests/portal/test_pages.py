"""What the own pages say: today's dose, why a step waits, how it has been, answers, help."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.checkins.models import CareTask, CheckInLink
from apps.patients.models import Patient
from apps.portal import trend
from apps.portal.actions import give_consent
from apps.portal.consent import TEXTS
from apps.portal.models import PatientSession
from apps.tapers.actions import hold_plan
from apps.tapers.models import TaperPlan
from tests.factories import (
    CALM,
    SEIZURE,
    check_in,
    make_active_plan,
    make_patient,
    put_on_call,
    today,
    write_plan,
)
from tests.portal.conftest import signed_in_as

pytestmark = pytest.mark.django_db
HOME = reverse("portal:home")


def hold(patient, **values) -> None:
    given = {"action": "hold_next", "rules": [], "source_type": "check_in", "by": None} | values
    hold_plan(patient=patient, source_id=patient.pk, now=timezone.now(), **given)


def test_todays_dose_is_the_first_thing(own) -> None:
    page = own.get(HOME).text
    words = re.sub(r"<[^>]+>", " ", page.split("<main")[1])
    assert words.index("Morning") < words.index("Your next step")
    assert "clonazepam" in page
    assert AuditEvent.objects.filter(event="portal.today_viewed").count() == 1


def test_the_next_step_says_what_it_waits_for(own, wren) -> None:
    page = own.get(HOME).text
    assert "Not yet: check in once before that day." in page
    assert "Nothing stands in the way." in page
    check_in(wren, CALM, now=timezone.now())
    assert "You have checked in since your last step." in own.get(HOME).text


def test_an_open_red_alert_stands_in_the_way(own, wren, nurse) -> None:
    put_on_call(nurse, now=timezone.now())
    check_in(wren, SEIZURE, now=timezone.now())
    page = own.get(HOME).text
    assert "Your dose stays the same for now." in page
    assert "Your care team wants to look at how you are first." in page


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Your care team wants to look at how you are first."),
        ({"source_type": "request"}, "You asked to stay at this dose."),
        ({"source_type": "trusted_person"}, "Your care team wants to look at how you are first."),
    ],
)
def test_why_a_step_is_locked_is_told_in_plain_words(own, wren, values, words) -> None:
    hold(wren, **values)
    page = own.get(HOME).text
    assert words in page
    assert "It is planned for" not in page


def test_a_step_that_no_check_in_unlocked_says_so(clinic, prescriber) -> None:
    now = timezone.now()
    patient = make_patient(clinic, now=now, email="late@home.example")
    start = (today() - timedelta(days=15)).isoformat()
    make_active_plan(patient, prescriber.user, now=now, start_on=start)
    TaperPlan.objects.update(begun_step=1)
    from apps.portal.actions import give_consent

    give_consent(patient=patient, language="en", now=now)
    page = signed_in_as(patient).get(HOME).text
    assert "No check-in came after your last step." in page


@pytest.mark.parametrize(
    ("status", "words", "has_dose", "has_check_in"),
    [
        ("active", "Your next step", True, True),
        ("paused", "We have paused your check-ins", True, False),
        ("in_hospital", "You are in the hospital now", False, False),
        ("ended", "Your time with us on these pages has ended", False, False),
    ],
)
def test_each_state_has_its_own_kind_words(own, wren, status, words, has_dose, has_check_in):
    Patient.objects.filter(pk=wren.pk).update(status=status)
    page = own.get(HOME).text
    assert words in page
    assert ("clonazepam" in page) is has_dose
    assert ("Check in now" in page) is has_check_in


def test_the_plan_can_be_printed_by_its_patient(own, wren) -> None:
    assert reverse("portal:plan") in own.get(HOME).text
    page = own.get(reverse("portal:plan"))
    assert page.content.startswith(b"%PDF-")
    assert wren.given_name not in page.headers["Content-Disposition"]
    taken = AuditEvent.objects.get(event="plan.paper_taken")
    assert (taken.actor_id, taken.details["paper"]) == (wren.pk, "calendar.en")
    type(wren).objects.update(status="in_hospital")
    assert own.get(reverse("portal:plan")).headers["Location"] == HOME


def test_without_a_plan_nothing_changes(own, wren) -> None:
    TaperPlan.objects.update(status="ended")
    page = own.get(HOME).text
    assert "There is no plan here yet" in page
    assert "Do not take less or more on your own" in page


def test_a_wish_is_sent_once_and_shown_until_it_is_met(own, wren, nurse) -> None:
    put_on_call(nurse, now=timezone.now())
    for _ in range(3):
        page = own.post(reverse("portal:ask", args=["call_today"]), follow=True)
    assert "You asked for a call." in page.text
    assert "Please call me today" not in page.text
    task = CareTask.objects.get()
    assert (task.kind, task.owner, task.check_in) == ("call_today", nurse.user, None)
    day = timedelta(days=1)  # nobody has called
    CareTask.objects.update(created_at=task.created_at - 2 * day, due_at=task.due_at - 2 * day)
    page = own.get(HOME).text
    assert "Someone should have called you by" in page
    assert "If nobody did, call" in page


def test_a_check_in_begins_from_the_own_pages(own) -> None:
    page = own.post(reverse("portal:check_in_now"))
    assert page.headers["Location"].startswith("/c/")
    assert own.get(page.headers["Location"]).status_code == 200


@pytest.mark.parametrize("status", ["in_hospital", "ended"])
def test_who_is_left_in_peace_gets_no_check_in(own, wren, status) -> None:
    Patient.objects.filter(pk=wren.pk).update(status=status)
    page = own.post(reverse("portal:check_in_now"), follow=True)
    assert "There is no check-in for you right now." in page.text
    assert not CheckInLink.objects.exists()


def test_the_trend_is_a_picture_and_the_same_as_a_table(own, wren) -> None:
    check_in(wren, CALM, now=timezone.now())
    page = own.get(reverse("portal:trend")).text
    assert 'class="t-score"' in page
    assert 'class="t-dose t-dose--1"' in page
    row = re.search(r"<tr><th scope=\"row\">[^<]+</th><td>(\d+)</td><td>([^<]+)</td>", page)
    assert row.groups() == ("10", "2 mg")


def test_an_empty_trend_says_what_will_be_there(own, wren) -> None:
    TaperPlan.objects.update(status="ended")
    assert "After your first check-in you can see here" in own.get(reverse("portal:trend")).text


def test_a_dose_that_a_hold_stopped_is_not_in_the_trend(clinic, prescriber) -> None:
    from apps.portal.views import doses_of

    now = timezone.now()
    patient = make_patient(clinic, now=now)
    start = (today() - timedelta(days=20)).isoformat()
    plan = make_active_plan(patient, prescriber.user, now=now, start_on=start)
    TaperPlan.objects.update(begun_step=1)
    assert plan.version.steps.filter(start_on__lte=now.date()).count() == 2
    assert [dose.words for dose in doses_of(patient, now)] == ["2 mg"]


def test_the_picture_is_pure_arithmetic() -> None:
    now = today()
    doses = [
        trend.Dose(now - timedelta(days=20), {"clonazepam": Decimal(2)}, "2 mg"),
        trend.Dose(now - timedelta(days=10), {"clonazepam": Decimal(1)}, "1 mg"),
    ]
    scores = [(now - timedelta(days=10), 20), (now, 40)]
    found = trend.picture(scores, doses, trend.first_day(now, everything=False), now)
    assert found.score == "150.0,80.0 300.0,0.0"
    assert found.doses[0].points == "0.0,0.0 150.0,0.0 150.0,80.0 300.0,80.0"
    assert found.marks == ["150.0"]
    late = trend.picture(scores, doses, now - timedelta(days=5), now)
    assert late.doses[0].points == "0.0,0.0 0.0,0.0 0.0,80.0 300.0,80.0"
    assert late.score == "300.0,0.0"


def test_answers_are_shown_word_for_word_in_their_language(own, wren) -> None:
    row = check_in(wren, CALM | {"alcohol_drinks": 2}, now=timezone.now())
    page = own.get(reverse("portal:check_in", args=[row.pk])).text
    assert "Did you have a seizure, or pass out and shake?" in page
    assert "1 mild" in page
    Patient.objects.filter(pk=wren.pk).update(language="es")
    spanish = check_in(Patient.objects.get(pk=wren.pk), CALM, now=timezone.now())
    page = own.get(reverse("portal:check_in", args=[spanish.pk])).text
    assert "convulsión" in page


def test_help_has_the_real_numbers_and_never_says_that_somebody_knows(clinic, wren) -> None:
    for client in (Client(), signed_in_as(wren)):
        page = client.get(reverse("portal:help", args=[clinic.pk]))
        assert page.status_code == 200
        for number in ("911", "988", "5550100", "5550199"):
            assert f"tel:{number}" in page.text
        assert "has been told" not in page.text
        assert "We have told" not in page.text
        assert "To read this page tells no one." in page.text
        assert "Nobody at the clinic is on call right now" in page.text
    assert Client().get(reverse("portal:help", args=[wren.pk])).status_code == 404


def test_help_is_one_tap_away_from_every_patient_page(own, clinic, robin) -> None:
    from apps.checkins.link_actions import create_link
    from tests.portal.conftest import invited_link, trusted_link

    link = create_link(patient=robin.patient, by=None, now=timezone.now())
    paths = [reverse(f"portal:{name}") for name in (
        "home", "trend", "check_ins", "settings", "trusted", "export", "consent", "withdraw",
        "calendar",
    )]  # fmt: skip
    paths += [f"/c/{link}/", trusted_link(robin), trusted_link(robin, "trusted_report")]
    paths.append(invited_link(robin.patient))
    for path in paths:
        assert reverse("portal:help", args=[clinic.pk]) in own.get(path).text, path


def test_preferences_are_kept_and_a_wrong_time_is_said(own, wren) -> None:
    url = reverse("portal:settings")
    wishes = {"language": "es", "time_zone": "America/Denver", "remind_at": "07:15"}
    page = own.post(url, wishes | {"remind_at": "quarter past"})
    assert page.status_code == 422
    assert "Please write a time like 09:00." in page.text
    assert 'value="quarter past"' in page.text
    page = own.post(url, wishes, follow=True)
    assert "Guardado." in page.text
    wren.refresh_from_db()
    assert (wren.language, wren.time_zone) == ("es", "America/Denver")
    assert (wren.check_in_schedule.wants_mail, f"{wren.check_in_schedule.remind_at:%H:%M}") == (
        False, "07:15",
    )  # fmt: skip
    assert AuditEvent.objects.filter(event="portal.preferences_set").count() == 1
    own.post(url, wishes)
    assert AuditEvent.objects.filter(event="portal.preferences_set").count() == 1


def test_the_calendars_address_is_shown_once_and_ends_when_its_names_change(own, wren) -> None:
    page = own.post(reverse("portal:calendar")).text
    path = re.search(r'value="https?://[^/]+(/calendar/[^"]+)"', page)[1]
    assert Client().get(path).status_code == 200
    assert path not in own.get(reverse("portal:calendar")).text
    own.post(reverse("portal:settings"), {
        "language": "en", "time_zone": wren.time_zone, "remind_at": "09:00", "wants_mail": "on",
        "calendar_names_drug": "on",
    })  # fmt: skip
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("path", ["home", "trend", "check_ins"])
def test_a_long_history_asks_no_more_questions(
    wren, django_assert_max_num_queries, path, request
) -> None:
    def count() -> int:
        client = signed_in_as(wren)
        client.get(reverse(f"portal:{path}"))
        PatientSession.objects.update(last_seen_at=timezone.now())
        with django_assert_max_num_queries(24) as asked:
            client.get(reverse(f"portal:{path}"))
        return len(asked)

    check_in(wren, CALM, now=timezone.now() - timedelta(days=1))
    few = count()
    for hours in range(1, 15):
        check_in(wren, CALM, now=timezone.now() - timedelta(hours=hours))
    assert count() == few


def test_both_languages_say_the_same_parts() -> None:
    for version, texts in TEXTS.items():
        assert set(texts) == {"en", "es"}, version
        assert len(texts["en"]) == len(texts["es"])


FAR = reverse("portal:far")


def test_how_far_shows_first_and_now_and_costs_the_same_later(
    own, wren, django_assert_max_num_queries
) -> None:
    assert "There is nothing to show yet" not in own.get(FAR).text  # the plan has a dose
    now = timezone.now()
    check_in(wren, CALM | {"s_anx": 4, "s_sleep": 4}, now=now - timedelta(days=9))
    for days in range(8, 0, -1):
        check_in(wren, CALM, now=now - timedelta(days=days))
    with django_assert_max_num_queries(22):
        page = own.get(FAR).text
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.split("<main")[1]))
    assert "My dose in a day At first 2 mg Now 2 mg" in words
    assert "Better than at first." in words
    assert "Low mood" not in words
    assert AuditEvent.objects.filter(event="portal.far_viewed").count() == 2


def test_how_far_after_the_last_dose_in_spanish_and_without_a_dose_in_hospital(own, wren) -> None:
    off = {"last_dose_on": today() - timedelta(days=40), "language": "es"}
    Patient.objects.filter(pk=wren.pk).update(**off)
    check_in(wren, CALM | {"s_anx": 3}, now=timezone.now())
    page = own.get(FAR).text
    assert "Hace 40 días." in page
    assert 'width="30.0"' in page
    Patient.objects.filter(pk=wren.pk).update(status="in_hospital")
    assert "Mi dosis al día" not in own.get(FAR).text


COPING = reverse("portal:coping")


def test_the_coping_plan_is_there_in_the_patients_words_and_its_copy_holds_no_form(
    own, wren, prescriber
) -> None:
    assert "You have no coping plan here yet." in own.get(COPING).text
    now = timezone.now()
    write_plan(wren, prescriber.user, helps="Cold water.", now=now - timedelta(hours=1))
    write_plan(wren, prescriber.user, helps="The radio.", now=now)
    page, copy = own.get(COPING).text, own.get(COPING, {"kept": "1"}).text
    assert "The radio." in page
    assert page.index("The radio.") < page.index("Earlier plans") < page.index("Cold water.")
    assert "Cold water." not in copy
    assert "csrf" in page
    assert "The radio." in copy
    assert "csrf" not in copy
    found = AuditEvent.objects.filter(event="portal.coping_kept", patient_id=wren.pk)
    assert found.count() == 1


def test_after_the_last_dose_no_page_speaks_of_doses_and_an_honest_answer_is_calm(clinic) -> None:
    """Home page, form and triage, a year on: "I stopped" is no emergency there."""
    off = make_patient(clinic, risk={"prior_wd_seizure": True}, email="off@home.example")
    give_consent(patient=off, language="en", now=timezone.now())
    off.last_dose_on = today() - timedelta(days=120)
    off.save(update_fields=["last_dose_on"])
    mine = signed_in_as(off)
    home = mine.get(HOME).text
    assert "You take none of this medicine any more" in home
    assert "Take your medicine as you do now" not in home
    form = mine.post(reverse("portal:check_in_now"), follow=True)
    for name in ("dose_taken", "supply_days", "hours_since_last_dose"):
        assert f'name="{name}"' not in form.text
    # No symptom either: 8 of 40 is W17's, a month after the last dose.
    answers = {key: 0 if key.startswith("s_") else CALM[key] for key in CALM}
    del answers["dose_taken"]
    done = mine.post(form.request["PATH_INFO"], answers)
    assert done.status_code == 200, done.text
    stored = off.check_ins.get()
    assert (stored.is_complete, stored.triage.level) == (True, "none")
    kept = check_in(off, CALM | {"dose_taken": "stopped", "supply_days": 0}, now=timezone.now())
    assert "E08_ABRUPT_STOP_HIGH" not in [each["rule_id"] for each in kept.triage.fired]
    assert kept.triage.level != "emergency"
