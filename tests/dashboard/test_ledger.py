"""The quality ledger, and a threshold tried on past check-ins without storing anything."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.alerts.act_actions import hand_over_alert, reopen_alert
from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import TriageResult
from apps.clinical.triage import RULES_BY_ID, Level
from apps.clinical.what_if import THRESHOLDS
from apps.dashboard.ledger import ledger_of, try_threshold
from tests.conftest import signed_in
from tests.factories import CALM, NOW, SEIZURE, check_in, make_patient

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ITEMS = [key for key in CALM if key.startswith("s_")]


def scored(score: int) -> dict:
    """Return answers with this daily score, and no item rated 4."""
    each, rest = divmod(score, len(ITEMS))
    return CALM | {key: each + (number < rest) for number, key in enumerate(ITEMS)}


@pytest.fixture
def closed(patient, nurse):
    """Two alerts: one acted on after 10 and 20 minutes, one false."""
    for number, outcome in enumerate(("spoke", "false_alarm")):
        start = NOW + number * DAY
        check_in(patient, SEIZURE, now=start)
        alert = acknowledge_alert(
            alert=Alert.objects.get(opened_at=start), by=nurse.user, now=start + 10 * MINUTE
        )
        resolve_alert(
            alert=alert, by=nurse.user, outcome=outcome, note="x", now=start + 20 * MINUTE
        )


def test_a_rules_line_counts_what_came_of_its_alerts(closed, clinic, patient) -> None:
    check_in(patient, SEIZURE, now=NOW + 2 * DAY)
    (line,) = ledger_of(clinic, NOW, NOW + 3 * DAY)
    assert (line.rule_id, line.fired, line.acted, line.false) == ("E01_SEIZURE", 3, 1, 1)
    assert (line.still_open, line.median_to_ack, line.median_to_act) == (1, "10 min", "20 min")


def test_a_hand_over_and_an_opening_again_move_no_time_and_are_counted(
    closed, clinic, nurse, backup
) -> None:
    alert = Alert.objects.get(opened_at=NOW)
    late = NOW + 2 * DAY
    reopen_alert(alert=alert, by=nurse.user, reason="Called back.", now=late)
    hand_over_alert(alert=alert, to=backup, note="Shift ends.", by=nurse.user, now=late)
    (line,) = ledger_of(clinic, NOW, NOW + DAY)
    assert (line.median_to_ack, line.median_to_act) == ("10 min", "20 min")
    assert (line.handed_over, line.reopened, line.still_open) == (1, 1, 1)


def test_a_hand_over_is_no_act_and_closing_at_once_is_taking(
    patient, clinic, nurse, backup
) -> None:
    check_in(patient, SEIZURE, now=NOW)
    alert = acknowledge_alert(alert=Alert.objects.get(), by=nurse.user, now=NOW + MINUTE)
    hand_over_alert(alert=alert, to=backup, note="x", by=nurse.user, now=NOW + 2 * MINUTE)
    assert [line.median_to_act for line in ledger_of(clinic, NOW, NOW + DAY)] == ["none yet"]
    check_in(patient, SEIZURE, now=NOW + DAY)
    at_once = Alert.objects.get(opened_at=NOW + DAY)
    resolve_alert(
        alert=at_once, by=nurse.user, outcome="spoke", note="x", now=NOW + DAY + 4 * MINUTE
    )
    (line,) = ledger_of(clinic, NOW + DAY, NOW + 2 * DAY)
    assert (line.median_to_ack, line.median_to_act) == ("4 min", "4 min")


def test_the_period_and_the_clinic_are_kept_apart(closed, clinic, other_clinic) -> None:
    assert ledger_of(other_clinic, NOW, NOW + 3 * DAY) == []
    assert ledger_of(clinic, NOW + 3 * DAY, NOW + 4 * DAY) == []
    (line,) = ledger_of(clinic, NOW + DAY, NOW + 2 * DAY)
    assert (line.fired, line.acted) == (1, 0)


def test_a_higher_threshold_shows_the_alerts_that_would_be_missing(clinic) -> None:
    quiet, loud = make_patient(clinic), make_patient(clinic)
    check_in(quiet, scored(17))
    check_in(loud, scored(22))
    check_in(make_patient(clinic), CALM)
    trial = try_threshold(clinic, "W18_SCORE_MID", 20, NOW, NOW + DAY)
    assert (trial.assessed, trial.difference) == (3, -1)
    assert [row["patient"] for row in trial.fewer] == [quiet]
    assert trial.fewer[0]["reference"] == Alert.objects.get(patient=quiet).reference


def test_a_lower_threshold_shows_who_would_be_added_or_raised(clinic) -> None:
    check_in(make_patient(clinic), scored(12))
    added = try_threshold(clinic, "W18_SCORE_MID", 12, NOW, NOW + DAY)
    assert [(row["was"], row["becomes"]) for row in added.more] == [("none", "watch")]
    check_in(make_patient(clinic), scored(22))
    raised = try_threshold(clinic, "U12_SCORE_HIGH", 20, NOW, NOW + DAY)
    assert [(row["was"], row["becomes"]) for row in raised.changed] == [("watch", "urgent")]


@pytest.mark.parametrize("rule", THRESHOLDS)
def test_the_number_in_force_changes_nothing(rule, clinic) -> None:
    for score in (5, 15, 16, 20, 27, 28, 35, 40):
        check_in(make_patient(clinic), scored(score))
    for worst in (0, 1, 2, 3):
        answers = CALM | dict.fromkeys(ITEMS[:worst], 4)
        check_in(make_patient(clinic), answers)
    trial = try_threshold(clinic, rule, THRESHOLDS[rule].present, NOW, NOW + DAY)
    assert trial.assessed == 12
    assert (trial.more, trial.fewer, trial.changed) == ([], [], [])


def test_no_red_flag_can_be_tried_and_none_is_lost_in_a_trial(clinic, patient) -> None:
    assert all(RULES_BY_ID[rule].level < Level.EMERGENCY for rule in THRESHOLDS)
    check_in(patient, SEIZURE | scored(30) | {"seizure": "yes"})
    trial = try_threshold(clinic, "U12_SCORE_HIGH", 40, NOW, NOW + DAY)
    assert (trial.fewer, trial.changed) == ([], [])


def test_a_trial_stores_nothing_but_that_it_was_made(clinic, lead, patient) -> None:
    check_in(patient, scored(17), now=timezone.now() - DAY)
    before = (Alert.objects.count(), TriageResult.objects.values().get())
    asked = {"rule": "W18_SCORE_MID", "number": "20", "days": "30"}
    page = signed_in(lead).post(reverse("dashboard:ledger_trial"), asked)
    assert "<b>1</b> fewer" in page.text
    assert patient.reference in page.text
    assert (Alert.objects.count(), TriageResult.objects.values().get()) == before
    assert AuditEvent.objects.get(event="ledger.tried").details["number"] == 20


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"rule": "E01_SEIZURE", "number": "2", "days": "30"}, "Select a valid choice"),
        ({"rule": "W18_SCORE_MID", "number": "30", "days": "30"}, "This rule takes 1 to 27"),
    ],
)
def test_a_trial_that_cannot_be_is_refused_beside_its_field(asked, words, lead) -> None:
    page = signed_in(lead).post(reverse("dashboard:ledger_trial"), asked)
    assert page.status_code == 422
    assert words in page.text


def test_the_pages_cost_the_same_with_many_alerts(
    lead, clinic, django_assert_max_num_queries
) -> None:
    client, now = signed_in(lead), timezone.now()
    asked = {"rule": "W18_SCORE_MID", "number": "20", "days": "30"}
    for _ in range(12):
        check_in(make_patient(clinic), scored(17), now=now - DAY)
    with django_assert_max_num_queries(12):
        assert "W18_SCORE_MID" in client.get(reverse("dashboard:ledger")).text
    with django_assert_max_num_queries(14):
        client.post(reverse("dashboard:ledger_trial"), asked)


def test_an_empty_ledger_says_what_will_be_here(lead) -> None:
    assert "No alert in this period" in signed_in(lead).get(reverse("dashboard:ledger")).text
