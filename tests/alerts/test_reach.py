"""Every alert reaches somebody, or says loudly that it has not: the cases where it did neither."""

from datetime import UTC, datetime, time, timedelta

import pytest
from django.core import mail

from apps.alerts import breaker
from apps.alerts.act_actions import document_act, hand_over_alert
from apps.alerts.actions import acknowledge_alert
from apps.alerts.batch import Batch, send
from apps.alerts.contact_actions import set_quiet_hours
from apps.alerts.delivery import claim, settle
from apps.alerts.health import unreached_alerts
from apps.alerts.ladder import REPEAT_AFTER
from apps.alerts.models import Alert, Delivery, MailServer, Shift, SystemAlert
from apps.alerts.smtp import Answer, MailSession, Result
from apps.alerts.states import AlertStatus
from apps.alerts.sweep import deliver_due, sweep
from apps.alerts.system_sending import tell_due
from apps.patients.models import Role, StaffMember
from tests.alerts.clocks import MINUTE, SECOND, Clock
from tests.factories import (
    NOW,
    make_alert,
    make_member,
    put_on_call,
)

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)  # midnight in New York
REFUSED = Answer(Result.PERMANENT, "550 no such user")
LATER = Answer(Result.TEMPORARY, "451 later")


def asleep(member: StaffMember) -> StaffMember:
    set_quiet_hours(
        member=member, begins=time(22), ends=time(7), time_zone="America/New_York",
        by=member.user, now=NIGHT,
    )  # fmt: skip
    return member


def answer_all(clock: Clock, span: timedelta, step: timedelta, answer: Answer) -> None:
    """Let time pass while the server gives every message this answer."""
    end = clock() + span
    while clock() < end:
        while delivery := claim(clock()):
            settle(delivery, answer, clock())
        clock.time += step
        sweep(clock())


# --- An emergency never waits because of another row ----------------------------------------------


def test_a_sleepers_message_does_not_take_the_place_of_the_probe(
    clinic, nurse, backup, patient
) -> None:
    put_on_call(nurse, now=NIGHT)
    emergency = make_alert(patient, now=NIGHT - MINUTE)
    emergency.deliveries.update(attempts=1)
    Shift.objects.all().delete()
    sleepers = [backup, make_member(clinic, Role.NURSE)]
    for member in sleepers:
        put_on_call(member, now=NIGHT)
    urgent = make_alert(patient, "urgent", now=NIGHT - MINUTE)
    for member in sleepers:
        asleep(member)
    MailServer.objects.create(
        name=breaker.server_name(), failures=3, retry_at=NIGHT, changed_at=NIGHT
    )
    deliver_due(Clock(NIGHT))
    assert emergency.deliveries.get().status == "sent"
    assert sorted(urgent.deliveries.values_list("status", flat=True)) == ["pending", "sent"]


def test_every_other_probe_is_an_emergency_however_many_fresh_messages_wait(nurse, patient) -> None:
    put_on_call(nurse)
    emergency = make_alert(patient)
    emergency.deliveries.update(attempts=5)
    for _ in range(6):
        make_alert(patient, "urgent")
    for _ in range(2):
        breaker.note_failure("hangs", NOW)
    clock, probed = Clock(NOW + 5 * SECOND), []
    for _ in range(2):
        delivery = claim(clock())
        probed.append(delivery.alert)
        breaker.note_failure("hangs", clock())
        settle(delivery, LATER, clock())
        clock.time += 5 * SECOND
    assert emergency in probed


# --- Nobody at all --------------------------------------------------------------------------------


def test_with_nobody_to_tell_the_banner_and_the_administrator_say_so(
    clinic, clinic_admin, patient
) -> None:
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(2 * MINUTE, 30 * SECOND)
    assert unreached_alerts(clinic.pk, clock()) == [alert]
    assert SystemAlert.objects.get(closed_at=None).kind == "unreached"
    assert tell_due(clock()) == 1
    assert mail.outbox[0].to == [clinic_admin.user.email]
    lines = alert.events.count()
    clock.go_on(10 * MINUTE, 30 * SECOND)
    assert alert.events.count() - lines <= 11, "a line a minute, not one per rung"


def test_who_joins_meanwhile_is_told_within_a_minute_and_the_alarm_ends(clinic, patient) -> None:
    alert = make_alert(patient)
    clock = Clock()
    clock.go_on(5 * MINUTE, 30 * SECOND)
    make_member(clinic, Role.NURSE)
    clock.go_on(MINUTE, 10 * SECOND)
    clock.go_on(5 * SECOND)
    assert alert.deliveries.get().status == "sent"
    assert not unreached_alerts(clinic.pk, clock())
    assert not SystemAlert.objects.filter(closed_at=None).exists()


def test_an_alert_that_rightly_waits_is_not_called_unreached(clinic, nurse, patient) -> None:
    make_alert(patient, "watch")
    clock = Clock()
    clock.go_on(timedelta(hours=2), 30 * MINUTE)
    assert not unreached_alerts(clinic.pk, clock())
    assert not SystemAlert.objects.exists()


# --- Quiet hours give way when nobody awake can be reached ----------------------------------------


@pytest.fixture
def awake(clinic, nurse, backup) -> StaffMember:
    """Everybody else sleeps; only Wanda is awake, and the nurse on call."""
    put_on_call(asleep(nurse), now=NIGHT)
    asleep(backup)
    return make_member(clinic, Role.PRESCRIBER, "Wanda Awake")


def told_by(alert: Alert) -> set[str]:
    tried = alert.deliveries.exclude(status="pending", attempts=0)
    return {delivery.recipient.user.full_name for delivery in tried}


def test_sleepers_are_woken_once_the_only_one_awake_cannot_be_reached(
    awake, nurse, backup, patient
) -> None:
    alert = make_alert(patient, "urgent", now=NIGHT)
    delivery = claim(NIGHT)
    assert delivery.recipient == awake
    assert claim(NIGHT) is None, "the others sleep while there is hope"
    settle(delivery, REFUSED, NIGHT)
    deliver_due(Clock(NIGHT))
    assert {nurse.user.full_name, backup.user.full_name} <= told_by(alert)
    assert alert.deliveries.filter(recipient=nurse).count() == 1


def test_sleepers_are_woken_once_the_only_one_awake_is_put_off_again_and_again(
    awake, nurse, patient
) -> None:
    alert = make_alert(patient, "urgent", now=NIGHT)
    clock = Clock(NIGHT)
    for _ in range(12):
        delivery = claim(clock())
        if delivery is None:
            break
        settle(delivery, LATER, clock())
        clock.time += 10 * SECOND
    assert nurse.user.full_name in told_by(alert)


def test_a_watch_alert_wakes_nobody(awake, nurse, patient) -> None:
    alert = make_alert(patient, "watch", now=NIGHT - timedelta(days=1))
    answer_all(Clock(NIGHT), timedelta(hours=2), 10 * MINUTE, REFUSED)
    assert nurse.user.full_name not in told_by(alert)


def test_an_outage_into_the_night_does_not_put_the_last_message_off(nurse, patient) -> None:
    evening = NIGHT - timedelta(hours=2, seconds=1)  # a second before ten
    put_on_call(nurse, now=evening)
    asleep(nurse)
    alert = make_alert(patient, "urgent", now=evening)
    settle(claim(evening), LATER, evening)
    deliver_due(Clock(evening + 10 * SECOND))
    assert alert.deliveries.get().status == "sent"


# --- Rounds without end ---------------------------------------------------------------------------


def test_a_server_that_refuses_everybody_makes_rounds_that_grow_rare(nurse, patient) -> None:
    alert = make_alert(patient)
    answer_all(Clock(), timedelta(hours=2), 30 * SECOND, REFUSED)
    rounds = set(alert.deliveries.values_list("round", flat=True))
    assert len(rounds) < 6 + timedelta(hours=2) / REPEAT_AFTER["emergency"]
    assert len(rounds) > timedelta(hours=2) / REPEAT_AFTER["emergency"] - 2


def test_a_hundred_years_of_rounds_fit(nurse, patient) -> None:
    alert = make_alert(patient)
    years = timedelta(days=365) * 100 // REPEAT_AFTER["emergency"]
    Delivery.objects.update(status="cancelled", next_attempt_at=None)
    Alert.objects.filter(pk=alert.pk).update(next_rung=years, next_rung_at=NOW)
    sweep(NOW)
    delivery = alert.deliveries.get(round=years)
    Delivery.objects.filter(pk=delivery.pk).update(attempts=years)
    assert claim(NOW).attempts == years + 1
    acknowledge_alert(alert=alert, by=nurse.user, now=NOW)


def test_who_is_still_being_tried_gets_no_second_message_of_everyone(nurse, patient) -> None:
    alert = make_alert(patient)
    answer_all(Clock(), timedelta(hours=1), 20 * SECOND, LATER)
    assert alert.deliveries.count() == 1


# --- People who leave, and alerts that are passed on ----------------------------------------------


@pytest.mark.parametrize("change", ["member", "account", "role"])
def test_somebody_who_left_is_not_mailed_and_the_next_person_is(
    change, nurse, backup, patient
) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    if change == "member":
        StaffMember.objects.filter(pk=nurse.pk).update(is_active=False)
    elif change == "role":
        StaffMember.objects.filter(pk=nurse.pk).update(role=Role.CLINIC_ADMIN)
    else:
        type(nurse.user).objects.filter(pk=nurse.user_id).update(is_active=False)
    clock = Clock()
    deliver_due(clock)
    clock.go_on(5 * SECOND)
    assert alert.deliveries.get(recipient=nurse).status == "cancelled"
    assert alert.deliveries.get(recipient=backup).status == "sent"


def test_a_message_to_somebody_who_left_reaches_nobody(clinic, nurse, patient) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    deliver_due(Clock())
    assert not unreached_alerts(clinic.pk, NOW + 2 * MINUTE)
    StaffMember.objects.filter(pk=nurse.pk).update(is_active=False)
    assert unreached_alerts(clinic.pk, NOW + 2 * MINUTE) == [alert]


@pytest.fixture
def handed(nurse, backup, patient) -> Alert:
    """The nurse has given a taken emergency to a colleague, whose mail is under way."""
    put_on_call(nurse)
    alert = acknowledge_alert(alert=make_alert(patient), by=nurse.user, now=NOW)
    hand_over_alert(alert=alert, to=backup, note="Shift ends.", by=nurse.user, now=NOW)
    return alert


def test_a_hand_over_that_cannot_be_told_opens_the_alert_again(handed, nurse, backup) -> None:
    settle(claim(NOW), REFUSED, NOW)
    handed.refresh_from_db()
    assert (handed.status, handed.owner, handed.ack_due_at) == (AlertStatus.OPEN, None, None)
    assert handed.deliveries.filter(status="pending").exists()
    last = list(handed.events.values_list("text", flat=True))
    assert any("Open again" in text and backup.user.full_name in text for text in last)


def test_a_new_owner_who_has_acted_knows_of_it(handed, backup) -> None:
    document_act(alert=handed, kind="no_answer", note="Rang.", by=backup.user, now=NOW)
    settle(claim(NOW), REFUSED, NOW)
    handed.refresh_from_db()
    assert handed.owner == backup.user


def test_an_alert_passed_on_twice_leaves_nothing_waiting_for_the_first(handed, clinic) -> None:
    third = make_member(clinic, Role.NURSE)
    by = handed.owner
    hand_over_alert(alert=handed, to=third, note="Yours.", by=by, now=NOW)
    rows = handed.deliveries.filter(rung="handed_over")
    assert sorted(rows.values_list("status", flat=True)) == ["cancelled", "pending"]
    assert rows.get(status="pending").recipient == third


# --- Between the claim and the sending ------------------------------------------------------------


def test_what_is_taken_after_the_claim_is_not_sent(nurse, backup, patient, mailoutbox) -> None:
    put_on_call(nurse)
    alert = make_alert(patient)
    batch = Batch([claim(NOW)], lambda: NOW)
    acknowledge_alert(alert=alert, by=backup.user, now=NOW)
    with MailSession() as session:
        answer = send(batch, session)
    settle(batch.claimed[0], batch.answer_for(batch.claimed[0], answer), NOW)
    assert mailoutbox == []
    assert alert.deliveries.get().status == "cancelled"


def test_who_leaves_after_the_claim_is_passed_by(nurse, backup, patient, mailoutbox) -> None:
    put_on_call(nurse)
    put_on_call(backup, "backup")
    alert = make_alert(patient)
    batch = Batch([claim(NOW)], lambda: NOW)
    StaffMember.objects.filter(pk=nurse.pk).update(is_active=False)
    with MailSession() as session:
        answer = send(batch, session)
    settle(batch.claimed[0], batch.answer_for(batch.claimed[0], answer), NOW)
    assert mailoutbox == []
    assert alert.deliveries.get(status="pending").recipient == backup
