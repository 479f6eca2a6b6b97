"""The overview: its counts against what was done, small numbers, periods, and what it costs."""

from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.act_actions import hand_over_alert
from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.audit.models import AuditEvent
from apps.checkins.models import Reminder
from apps.dashboard import plots
from apps.dashboard.count_actions import count_clinic, count_due, is_due
from apps.dashboard.models import ClinicDay
from apps.dashboard.overview import masked, overview_of, section_of_standing
from apps.dashboard.state_actions import rebuild_states
from apps.dashboard.tasks import count_days
from apps.patients.models import Role
from apps.tapers.actions import hold_plan
from apps.tapers.actions_clock import settle_due
from tests.conftest import signed_in
from tests.factories import (
    CALM,
    NOW,
    SEIZURE,
    check_in,
    make_active_plan,
    make_alert,
    make_member,
    make_patient,
    today,
)

pytestmark = pytest.mark.django_db
URL = "/overview/"
FIRST = NOW.date() - timedelta(days=27)


@pytest.fixture
def client(nurse) -> Client:
    return signed_in(nurse)


def section(clinic, key: str) -> object:
    """Return one section of the overview, with every day counted."""
    clinic.patients.filter(registered_at=NOW).update(registered_at=NOW - timedelta(days=28))
    count_clinic(clinic, NOW, at_once=1_000)
    found = overview_of(clinic, FIRST, NOW.date(), show_small=True)
    return next(one for one in found.sections if one.key == key)


def numbers(found: object) -> dict[str, list[object]]:
    return {str(row[0]): list(row[1:]) for row in found.table.rows}


def test_patients_stand_at_their_stage_and_risk(clinic, prescriber) -> None:
    for _ in range(2):
        make_active_plan(make_patient(clinic), prescriber.user)
    make_patient(clinic, risk={"prior_wd_seizure": True})
    rebuild_states(NOW)
    rows = numbers(section(clinic, "standing"))
    assert rows["No plan yet"][-1] == 1
    assert rows["All"][-1] == 3
    assert sum(rows["All"][:-1]) == 3


def test_plans_holds_and_cuts_are_counted_on_their_day(clinic, prescriber) -> None:
    patient = make_patient(clinic, now=NOW - timedelta(days=25))
    begun = NOW - timedelta(days=24)
    plan = make_active_plan(patient, prescriber.user, now=begun, start_on=str(begun.date()))
    settle_due(NOW)  # no check-in came: the clock holds the first cut
    hold_plan(
        patient=patient, action="hold_next", rules=["U12"], source_type="check_in",
        source_id=plan.pk, by=None, now=NOW,
    )  # fmt: skip
    plans = section(clinic, "plans")
    assert numbers(plans)["Plans begun"] == [1]
    assert [row[0] for row in plans.by_time.rows if row[1]] == [f"{begun:%-d %b}"]
    holds = numbers(section(clinic, "holds"))
    assert holds["Held: the next step was not unlocked"] == [1, "too few"]
    assert holds["Held: a report asked for it"] == [1, "too few"]
    plan.refresh_from_db()
    assert plan.begun_step == 1
    assert section(clinic, "holds").lead == "0 cuts began in this period."


def test_alerts_are_held_against_their_targets(clinic, nurse, backup, patient) -> None:
    opened = NOW - timedelta(days=3)
    for minutes in (2, 3, 4, 9):
        alert = make_alert(patient, "emergency", now=opened)
        acknowledge_alert(alert=alert, by=nurse.user, now=opened + timedelta(minutes=minutes))
    # Handed on an hour later: it was taken after nine minutes all the same.
    later = opened + timedelta(hours=1)
    hand_over_alert(alert=alert, to=backup, note="My shift ends.", by=nurse.user, now=later)
    resolve_alert(alert=alert, by=backup.user, outcome="spoke", note="Well.", now=later)
    make_alert(patient, "emergency", now=opened)
    rows = numbers(section(clinic, "alerts"))
    # opened; taken within five minutes 3 of 5; the middle of the four is too few to tell.
    assert rows["Emergency"] == [5, "60 %", "too few", "0 %", "too few"]
    assert rows["Watch"] == [0, "too few", "too few", "too few", "too few"]
    acknowledge_alert(
        alert=make_alert(patient, "emergency", now=opened), by=nurse.user,
        now=opened + timedelta(minutes=20),
    )  # fmt: skip
    ClinicDay.objects.all().delete()
    assert numbers(section(clinic, "alerts"))["Emergency"][:3] == [6, "50 %", "5 min"]


def test_adherence_is_what_came_of_what_was_due(clinic, patient) -> None:
    for n, state in enumerate(("answered", "answered", "answered", "missed", "answered")):
        due = NOW - timedelta(days=n + 1)
        Reminder.objects.create(
            clinic=clinic, patient=patient, kind="daily", interval_days=1, state=state,
            created_at=due, due_at=due, closes_at=due + timedelta(days=1), replan_at=due,
            ended_at=due + timedelta(hours=1),
        )  # fmt: skip
    found = section(clinic, "check-ins")
    assert found.lead == "80 % of 5 due check-ins came."
    assert numbers(found)["Due and missed"] == [1]


def test_the_course_is_the_mean_of_each_week_around_a_cut(clinic, prescriber) -> None:
    """Five patients: score 10 the week before a cut, 10 and 20 the week after it."""
    begun = NOW - timedelta(days=23)
    for _ in range(5):
        patient = make_patient(clinic, now=begun)
        make_active_plan(patient, prescriber.user, now=NOW, start_on=str(begun.date()))
        cut = patient.plans.get().in_force.steps.get(number=2).start_on
        noon = datetime.combine(cut, NOW.time(), tzinfo=NOW.tzinfo)
        check_in(patient, CALM, now=noon - timedelta(days=2))
        check_in(patient, CALM, now=noon + timedelta(days=1))
        worse = CALM | {key: 2 for key in CALM if key.startswith("s_")}
        check_in(patient, worse, now=noon + timedelta(days=2))
        check_in(patient, SEIZURE, now=noon + timedelta(days=8))  # that week is not over
    rows = numbers(section(clinic, "course"))
    assert rows == {"Week before": [5, "10.0"], "Week 1": [5, "15.0"]}


def test_days_are_counted_again_ever_more_seldom_and_in_stretches(clinic, patient) -> None:
    today, hour = NOW.date(), timedelta(hours=1)
    for back, age, due in (
        (0, timedelta(minutes=11), True), (0, timedelta(minutes=9), False),
        (5, 7 * hour, True), (5, 5 * hour, False),
        (30, 25 * hour, True), (30, 23 * hour, False), (36, 9_999 * hour, False),
    ):  # fmt: skip
        assert is_due(today - timedelta(days=back), today, NOW - age, NOW) is due, (back, age)
    type(patient).objects.update(registered_at=NOW - timedelta(days=40))
    assert [count_due(NOW) for _ in range(4)] == [14, 14, 13, 0]
    assert ClinicDay.objects.exclude(standing=None).get().day == today
    # 60 new days, and of the 41 before none: all of them are settled by now.
    assert count_due(NOW + timedelta(days=60), at_once=1_000) == 60


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        ([0, 0, 0], [0, 0, 0, 0]),
        ([7, 5, 0], [7, 5, 0, 12]),
        ([7, 3, 0], [7, "<5", 0, "about 10"]),
        ([1, 2, 0], ["<5", "<5", 0, "<5"]),
    ],
)
def test_small_numbers_cannot_be_read_or_worked_out(cells, shown) -> None:
    assert masked(cells, show_small=False) == shown
    assert masked(cells, show_small=True) == [*cells, sum(cells)]


def test_a_column_does_not_give_away_what_is_hidden_in_it() -> None:
    standing = {"tapering:low": 10, "held:low": 3, "held:high": 8}
    day = ClinicDay(day=NOW.date(), standing=standing)
    everybody = section_of_standing(day, show_small=False).table.rows[-1]
    assert everybody == ["All", "about 15", 0, 8, 0, "about 20"]


def test_what_happened_over_time_does_not_give_away_what_is_hidden(clinic) -> None:
    """Neither a row of a week, nor a sum, a rate, a share or a bar tells a number below five."""
    for n, number in enumerate((7, 3, 12)):
        counts = {
            "begun": number, "held:report": number, "cuts": 20, "due:answered": 50,
            "due:missed": number, "check_ins": 50, "alerts:urgent:opened": 1,
        }  # fmt: skip
        ClinicDay.objects.create(
            clinic=clinic, day=NOW.date() - timedelta(days=n), counted_at=NOW, counts=counts
        )
    found = overview_of(clinic, NOW.date() - timedelta(days=2), NOW.date(), show_small=False)
    parts = {one.key: one for one in found.sections}
    assert [row[1] for row in parts["plans"].by_time.rows] == [12, "<5", 7]
    assert numbers(parts["plans"])["Plans begun"] == ["about 20"]
    assert parts["plans"].lead.startswith("about 20 begun, 0 reached")
    assert [box.words for box in parts["plans"].plot.boxes][1].endswith("fewer than 5 plans begun")
    assert numbers(parts["holds"])["Held: a report asked for it"] == ["about 20", "hidden"]
    assert [row[3:] for row in parts["check-ins"].by_time.rows] == [
        [12, "81 %"], ["<5", "95 %"], [7, "88 %"]
    ]  # fmt: skip
    assert numbers(parts["check-ins"])["Due and missed"] == ["about 20"]
    assert numbers(parts["alerts"])["Urgent"][0] == "<5"
    shown = overview_of(clinic, NOW.date() - timedelta(days=2), NOW.date(), show_small=True)
    assert numbers(shown.sections[1])["Plans begun"] == [22]


def test_the_page_says_of_when_it_is_and_names_nobody(client, clinic, patient, prescriber) -> None:
    assert "Nothing has been counted yet" in client.get(URL).text
    make_active_plan(patient, prescriber.user, now=timezone.now())
    make_alert(patient, now=timezone.now())
    count_days()
    call_command("count_days", verbosity=0)
    page = client.get(URL, {"days": "28"})
    assert "Counted" in page.text
    assert "Alerts: taken and acted on in time" in page.text
    assert patient.family_name not in page.text
    assert patient.reference not in page.text
    assert AuditEvent.objects.filter(event="overview.viewed").count() == 2
    ClinicDay.objects.update(counted_at=timezone.now() - timedelta(hours=2))
    assert "more than an hour old" in client.get(URL).text
    admin = signed_in(make_member(clinic, Role.CLINIC_ADMIN))
    assert admin.get(URL).status_code == 403


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"days": "nonsense"}, 200, "Overview"),
        ({"first": "2026-01-01", "last": "2026-02-01"}, 200, "1 Jan 2026 to 1 Feb 2026"),
        ({"first": "2026-02-01", "last": "2026-01-01"}, 422, "The last day lies before the first."),
        ({"first": "1990-01-01", "last": "2026-01-01"}, 422, "Choose at most five years."),
        ({"first": "soon", "last": ""}, 422, "Choose a day."),
    ],
)
def test_the_period_is_chosen(client, given, status, said) -> None:
    page = client.get(URL, given)
    assert (page.status_code, said in page.text) == (status, True)


def test_the_page_costs_twelve_queries_for_a_day_and_for_a_year(
    client, clinic, django_assert_max_num_queries
) -> None:
    for n in range(400):
        ClinicDay.objects.create(
            clinic=clinic, day=today() - timedelta(days=n), counted_at=timezone.now(),
            counts={"cuts": n, "begun": 2, "course:1:steps": 3, "course:1:sum": 20.5},
        )  # fmt: skip
    client.get(reverse("dashboard:overview"))
    with django_assert_max_num_queries(12):
        page = client.get(URL, {"days": "364"})
    assert "6.8" in page.text


def test_plots_stay_in_their_frame_and_leave_gaps() -> None:
    drawn = plots.lines("T", ["a", "b", "c", "d"], [plots.Series("x", "p1", [1, 2, None, 40])], 40)
    assert len(drawn.lines) == 1
    assert len(drawn.points) == 3
    bars = plots.standing_bars(
        "T", ["a", "b"], [plots.Series("x", "p1", [3, 0]), plots.Series("y", "p2", [2, 90])]
    )
    assert all(box.y >= 0 and box.y + box.height <= plots.HEIGHT + 0.1 for box in bars.boxes)
    assert [plots.round_up(n) for n in (0, 4, 5, 21, 300, 801)] == [4, 4, 8, 40, 400, 2000]
