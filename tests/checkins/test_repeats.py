"""A watch finding that was shown lately opens no second alert; nothing worse is held back."""

from datetime import timedelta

import pytest
from django.db import IntegrityError

from apps.alerts.actions import resolve_alert
from apps.alerts.models import Alert
from apps.audit.models import AuditEvent
from apps.checkins.models import CheckIn
from tests.factories import CALM, NOW, SEIZURE, check_in, make_patient

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
MISSED = CALM | {"dose_taken": "missed_some"}  # W01, 24 hours


def test_a_standing_fact_is_shown_once_in_its_time(clinic) -> None:
    patient = make_patient(clinic, risk={"opioid_rx": True})  # W15, 336 hours
    for day in range(14):
        check_in(patient, CALM, now=NOW + day * 24 * HOUR)
    alert = Alert.objects.get()
    assert alert.rules == ["W15_NALOXONE"]
    assert alert.events.filter(text__startswith="Reported again").count() == 13
    assert AuditEvent.objects.filter(event="alert.repeat_noted").count() == 13
    check_in(patient, CALM, now=NOW + 336 * HOUR)
    assert Alert.objects.count() == 2


def test_what_comes_back_after_its_alert_was_closed_is_news(patient, nurse) -> None:
    check_in(patient, MISSED)
    alert = Alert.objects.get()
    resolve_alert(alert=alert, by=nurse.user, outcome="spoke", note="Called.", now=NOW + HOUR)
    check_in(patient, MISSED, now=NOW + 2 * HOUR)
    assert Alert.objects.unresolved().get() != alert


def test_a_new_finding_beside_an_old_one_opens_an_alert(patient) -> None:
    check_in(patient, MISSED)
    check_in(patient, MISSED | {"alcohol_drinks": 1}, now=NOW + HOUR)
    assert Alert.objects.count() == 2


def test_what_goes_on_comes_back_although_it_was_repeated(patient) -> None:
    for hours in (0, 12, 23, 24):
        check_in(patient, MISSED, now=NOW + hours * HOUR)
    assert Alert.objects.count() == 2


@pytest.mark.parametrize(
    "answers", [SEIZURE, CALM | {"supply_days": 2}, CALM | {"s_jerks": 3}, CALM | {"si": "passive"}]
)
def test_urgent_findings_and_red_flags_are_never_held_back(answers, patient) -> None:
    for hours in (0, 1, 2):
        check_in(patient, answers, now=NOW + hours * HOUR)
    assert Alert.objects.count() == 3


def test_a_worse_level_notifies_again(patient) -> None:
    check_in(patient, MISSED)
    check_in(patient, MISSED | {"seizure": "yes"}, now=NOW + HOUR)
    assert set(Alert.objects.values_list("level", flat=True)) == {"watch", "emergency"}


def test_another_patients_alert_holds_nothing_back(clinic, patient) -> None:
    check_in(patient, MISSED)
    check_in(make_patient(clinic), MISSED, now=NOW + HOUR)
    assert Alert.objects.count() == 2


def test_a_repeat_is_stored_whole_or_not_at_all(patient, monkeypatch) -> None:
    check_in(patient, MISSED)

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.actions.record", refuse)
    with pytest.raises(IntegrityError):
        check_in(patient, MISSED, now=NOW + HOUR)
    assert CheckIn.objects.count() == 1
