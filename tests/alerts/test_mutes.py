"""Muting: what it spares people, and what it can never silence."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.alerts.actions import open_alert
from apps.alerts.models import Alert, Mute
from apps.alerts.mute_actions import MUTABLE_RULES, MuteError, end_mute, mute_rule
from apps.alerts.sweep import sweep
from apps.audit.models import AuditEvent
from apps.clinical.triage import RULES_BY_ID
from tests.factories import NOW, make_patient, put_on_call

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def mute(patient, prescriber, nurse) -> Mute:
    put_on_call(nurse)
    return mute_rule(
        patient=patient, rule="U12_SCORE_HIGH", ends_at=NOW + 7 * DAY, reason="Known, seen daily.",
        by=prescriber.user, now=NOW,
    )  # fmt: skip


def report(patient, *rules: str, level: str = "urgent", now=NOW) -> Alert:
    return open_alert(
        patient=patient, level=level, response_minutes=240, rules=list(rules),
        source_type="check_in", source_id=uuid4(), now=now,
    )  # fmt: skip


def test_a_muted_rule_tells_nobody_at_once_and_stays_on_the_board(mute, patient) -> None:
    alert = report(patient, "U12_SCORE_HIGH")
    assert not alert.deliveries.exists()
    assert Alert.objects.unresolved().get() == alert
    assert sweep(NOW + timedelta(hours=12)).climbed == 0


def test_a_muted_urgent_alert_that_nobody_reads_tells_after_a_day(mute, patient, nurse) -> None:
    alert = report(patient, "U12_SCORE_HIGH")
    put_on_call(nurse, now=NOW + DAY)
    assert sweep(NOW + DAY).climbed == 1
    assert alert.deliveries.get().recipient == nurse


def test_the_ladder_starts_when_the_mute_ends(patient, prescriber, nurse) -> None:
    put_on_call(nurse)
    mute_rule(
        patient=patient, rule="U12_SCORE_HIGH", ends_at=NOW + timedelta(hours=2), reason="x",
        by=prescriber.user, now=NOW,
    )  # fmt: skip
    report(patient, "U12_SCORE_HIGH")
    assert sweep(NOW + timedelta(hours=2)).climbed == 1


def test_a_mute_that_is_ended_early_lets_what_waits_climb(mute, patient, prescriber) -> None:
    alert = report(patient, "U12_SCORE_HIGH")
    for _ in range(2):
        end_mute(mute=mute, by=prescriber.user, now=NOW + timedelta(minutes=1))
    assert sweep(NOW + timedelta(minutes=1)).climbed == 1
    assert alert.deliveries.get().status == "pending"


def test_with_another_mute_still_in_force_the_alert_keeps_waiting(
    mute, patient, prescriber
) -> None:
    other = next(rule for rule in sorted(MUTABLE_RULES) if rule != "U12_SCORE_HIGH")
    mute_rule(
        patient=patient, rule=other, ends_at=NOW + 7 * DAY, reason="x", by=prescriber.user, now=NOW
    )
    alert = report(patient, other)
    end_mute(mute=mute, by=prescriber.user, now=NOW + timedelta(minutes=1))
    sweep(NOW + timedelta(hours=1))
    assert not alert.deliveries.exists()


def test_one_rule_that_is_not_muted_tells_at_once(mute, patient) -> None:
    assert report(patient, "U12_SCORE_HIGH", "U07_FEVER").deliveries.exists()


def test_an_emergency_is_never_muted(mute, patient) -> None:
    alert = report(patient, "U12_SCORE_HIGH", level="emergency")
    assert alert.deliveries.exists()
    with pytest.raises(IntegrityError, match="never_muted"), transaction.atomic():
        Alert.objects.filter(pk=alert.pk).update(muted_until=NOW + DAY)


def test_another_patients_alert_is_not_muted(mute, clinic) -> None:
    assert report(make_patient(clinic), "U12_SCORE_HIGH").deliveries.exists()


def test_a_mute_that_was_ended_or_ran_out_mutes_nothing(mute, patient, prescriber) -> None:
    assert report(patient, "U12_SCORE_HIGH", now=NOW + 7 * DAY).muted_until is None
    for _ in range(2):
        end_mute(mute=mute, by=prescriber.user, now=NOW + DAY)
    assert report(patient, "U12_SCORE_HIGH", now=NOW + DAY).muted_until is None
    assert AuditEvent.objects.filter(event="rule.mute_ended").count() == 1


def test_muting_twice_keeps_the_first(mute, patient, prescriber) -> None:
    again = mute_rule(
        patient=patient, rule="U12_SCORE_HIGH", ends_at=NOW + 3 * DAY, reason="y",
        by=prescriber.user, now=NOW + DAY,
    )  # fmt: skip
    assert again == mute
    assert AuditEvent.objects.filter(event="rule.muted").count() == 1


def test_after_a_mute_ran_out_the_rule_may_be_muted_again(mute, patient, prescriber) -> None:
    later = NOW + 8 * DAY
    again = mute_rule(
        patient=patient, rule="U12_SCORE_HIGH", ends_at=later + DAY, reason="y",
        by=prescriber.user, now=later,
    )  # fmt: skip
    assert again != mute


def test_no_rule_of_danger_can_be_muted(patient, prescriber) -> None:
    danger = {key for key in RULES_BY_ID if key.startswith("E")}
    groups = {"neuro", "suicide", "overdose", "cardiac", "injury", "supply", "pregnancy"}
    danger |= {key for key, rule in RULES_BY_ID.items() if rule.group in groups}
    assert not danger & set(MUTABLE_RULES)
    for rule in sorted(danger):
        with pytest.raises(MuteError, match="danger"):
            mute_rule(
                patient=patient, rule=rule, ends_at=NOW + DAY, reason="x", by=prescriber.user,
                now=NOW,
            )  # fmt: skip


@pytest.mark.parametrize("days", [0, -1, 15])
def test_a_mute_has_an_end_within_two_weeks(days, patient, prescriber) -> None:
    with pytest.raises(MuteError):
        mute_rule(
            patient=patient, rule="U12_SCORE_HIGH", ends_at=NOW + days * DAY, reason="x",
            by=prescriber.user, now=NOW,
        )  # fmt: skip


def test_muting_is_all_or_nothing(patient, prescriber, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.mute_actions.record", refuse)
    with pytest.raises(IntegrityError):
        mute_rule(
            patient=patient, rule="U12_SCORE_HIGH", ends_at=NOW + DAY, reason="x",
            by=prescriber.user, now=NOW,
        )  # fmt: skip
    assert not Mute.objects.exists()
