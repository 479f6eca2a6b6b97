"""What an owner does between taking and closing, hand-over, re-opening."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from apps.alerts.act_actions import (
    HandOverError,
    document_act,
    hand_over_alert,
    hand_over_shift,
    reopen_alert,
)
from apps.alerts.actions import AlertTakenError, OutcomeError, acknowledge_alert, resolve_alert
from apps.alerts.emails import alert_mail
from apps.alerts.models import Alert, AlertAct, Delivery
from apps.alerts.states import TransitionError
from apps.alerts.sweep import sweep
from apps.audit.models import AuditEvent
from tests.factories import NOW, make_alert, make_patient, put_on_call

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=20)


@pytest.fixture
def taken(patient, nurse) -> Alert:
    return acknowledge_alert(alert=make_alert(patient), by=nurse.user, now=NOW)


def test_a_documented_act_starts_the_ack_clock_anew(taken, nurse) -> None:
    document_act(alert=taken, kind="no_answer", note="Rang twice.", by=nurse.user, now=LATER)
    taken.refresh_from_db()
    assert taken.ack_due_at == LATER + timedelta(minutes=30)
    assert sweep(NOW + timedelta(minutes=40)).reopened == 0
    assert sweep(LATER + timedelta(minutes=31)).reopened == 1


def test_the_same_act_twice_is_written_down_once(taken, nurse) -> None:
    for _ in range(2):
        document_act(alert=taken, kind="no_answer", note="Rang twice.", by=nurse.user, now=LATER)
    assert AlertAct.objects.count() == 1
    assert AuditEvent.objects.filter(event="alert.act_documented").count() == 1


def test_a_second_try_is_no_second_tap(taken, nurse) -> None:
    for minutes in (0, 5):
        now = LATER + timedelta(minutes=minutes)
        document_act(alert=taken, kind="no_answer", note="No answer.", by=nurse.user, now=now)
    taken.refresh_from_db()
    assert taken.ack_due_at == LATER + timedelta(minutes=35)
    assert AlertAct.objects.count() == 2


def test_only_the_owner_documents_acts(taken, backup, patient) -> None:
    with pytest.raises(AlertTakenError, match="Take it over first"):
        document_act(alert=taken, kind="spoke", note="x", by=backup.user, now=LATER)
    with pytest.raises(TransitionError, match="Take it first"):
        document_act(alert=make_alert(patient), kind="spoke", note="x", by=backup.user, now=LATER)


def test_an_act_of_closing_is_not_an_interim_act(taken, nurse) -> None:
    with pytest.raises(ValueError, match="interim"):
        document_act(alert=taken, kind="closed", note="x", by=nurse.user, now=LATER)


def test_an_emergency_does_not_end_with_no_answer_alone(taken, nurse) -> None:
    close = {"alert": taken, "by": nurse.user, "outcome": "no_answer", "note": "Rang 5 times."}
    with pytest.raises(OutcomeError, match="welfare check"):
        resolve_alert(**close, now=LATER)
    document_act(alert=taken, kind="welfare_check", note="Police asked.", by=nurse.user, now=LATER)
    assert resolve_alert(**close, now=LATER).status == "resolved"


def test_postgresql_refuses_an_emergency_that_ends_in_silence(taken, nurse) -> None:
    with pytest.raises(IntegrityError, match="welfare_check"), transaction.atomic():
        Alert.objects.filter(pk=taken.pk).update(
            status="resolved", ack_due_at=None, resolved_at=NOW, resolved_by=nurse.user,
            outcome="no_answer", note="x",
        )  # fmt: skip


def test_an_urgent_alert_may_end_with_no_answer(patient, nurse) -> None:
    alert = make_alert(patient, "urgent")
    closed = resolve_alert(alert=alert, by=nurse.user, outcome="no_answer", note="x", now=NOW)
    assert closed.status == "resolved"


def test_a_handed_over_alert_has_the_new_owner_who_is_mailed(taken, nurse, backup) -> None:
    hand_over_alert(alert=taken, to=backup, note="Going home.", by=nurse.user, now=LATER)
    taken.refresh_from_db()
    assert (taken.status, taken.owner) == ("acknowledged", backup.user)
    assert taken.ack_due_at == LATER + timedelta(minutes=30)
    message = Delivery.objects.due(LATER).get()
    assert message.recipient == backup
    mail = alert_mail(message, LATER)
    html = str(mail.alternatives[0].content)
    # It is theirs: there is nothing to take.
    assert "/take/" not in mail.body + html
    assert "handed this alert over to you. It is yours." in mail.body
    assert "handed this alert over to you. It is yours." in html


def test_the_mail_of_a_hand_over_is_tried_again_until_it_is_out(taken, nurse, backup) -> None:
    from apps.alerts.delivery import claim

    hand_over_alert(alert=taken, to=backup, note="Going home.", by=nurse.user, now=LATER)
    claimed = claim(LATER)
    assert claimed.is_wanted
    hand_over_alert(alert=taken, to=nurse, note="Back again.", by=backup.user, now=LATER)
    claimed.alert.refresh_from_db()
    assert not claimed.is_wanted


def test_who_was_given_it_on_the_way_is_not_mailed_any_more(taken, nurse, backup, lead) -> None:
    hand_over_alert(alert=taken, to=backup, note="Going home.", by=nurse.user, now=LATER)
    hand_over_alert(alert=taken, to=lead, note="Me too.", by=backup.user, now=LATER)
    rows = Delivery.objects.filter(rung="handed_over").values_list("recipient", "status")
    assert set(rows) == {(backup.pk, "cancelled"), (lead.pk, "pending")}


def test_a_colleague_may_take_over_and_is_not_mailed(taken, backup) -> None:
    act = hand_over_alert(alert=taken, to=backup, note="Nell is ill.", by=backup.user, now=LATER)
    assert act.given_to == backup.user
    assert not Delivery.objects.due(LATER).exists()


def test_an_alert_may_be_handed_to_and_fro(taken, nurse, backup) -> None:
    for to, by in ((backup, nurse), (nurse, backup), (backup, nurse)):
        hand_over_alert(alert=taken, to=to, note="Your turn.", by=by.user, now=LATER)
    assert Delivery.objects.filter(rung="handed_over").count() == 3


def test_an_alert_goes_only_to_somebody_who_handles_alerts_here(
    taken, nurse, clinic_admin, outsider, backup
) -> None:
    backup.is_active = False
    backup.save(update_fields=["is_active"])
    for person in (clinic_admin, outsider, backup, nurse):
        with pytest.raises(HandOverError):
            hand_over_alert(alert=taken, to=person, note="x", by=nurse.user, now=LATER)
    taken.refresh_from_db()
    assert taken.owner == nurse.user


def test_an_open_alert_is_taken_not_handed_over(patient, nurse, backup) -> None:
    with pytest.raises(TransitionError, match="Take it instead"):
        hand_over_alert(alert=make_alert(patient), to=backup, note="x", by=nurse.user, now=NOW)


def test_at_a_change_of_shift_all_alerts_go_over_or_none(clinic, nurse, backup) -> None:
    for _ in range(3):
        acknowledge_alert(alert=make_alert(make_patient(clinic)), by=nurse.user, now=NOW)
    assert hand_over_shift(leaving=nurse, to=backup, note="Night.", now=LATER) == 3
    assert set(Alert.objects.values_list("owner", flat=True)) == {backup.user.pk}
    assert hand_over_shift(leaving=nurse, to=backup, note="Night.", now=LATER) == 0


def test_a_shift_hand_over_is_all_or_nothing(clinic, nurse, backup, clinic_admin) -> None:
    acknowledge_alert(alert=make_alert(make_patient(clinic)), by=nurse.user, now=NOW)
    with pytest.raises(HandOverError):
        hand_over_shift(leaving=nurse, to=clinic_admin, note="Night.", now=LATER)
    assert not AlertAct.objects.exists()


def test_a_closed_alert_opens_again_in_the_hands_of_who_opens_it(taken, nurse, backup) -> None:
    resolve_alert(alert=taken, by=nurse.user, outcome="spoke", note="All well.", now=LATER)
    again = reopen_alert(alert=taken, reason="Daughter called.", by=backup.user, now=LATER)
    assert (again.status, again.owner, again.outcome, again.note) == (
        "acknowledged", backup.user, "", "",
    )  # fmt: skip
    assert again.ack_due_at == LATER + timedelta(minutes=30)
    kept = [(act.kind, act.outcome, act.note) for act in again.acts.all()]
    assert ("closed", "spoke", "All well.") in kept
    reopen_alert(alert=taken, reason="Daughter called.", by=backup.user, now=LATER)
    assert AuditEvent.objects.filter(event="alert.reopened").count() == 1


def test_only_a_closed_alert_is_opened_again(taken, backup) -> None:
    with pytest.raises(TransitionError):
        reopen_alert(alert=taken, reason="x", by=backup.user, now=LATER)


def test_an_act_is_never_changed(taken, nurse) -> None:
    act = document_act(alert=taken, kind="spoke", note="Talked.", by=nurse.user, now=LATER)
    for change in (lambda: AlertAct.objects.update(note="y"), act.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.parametrize("name", ["document_act", "hand_over_alert", "reopen_alert"])
def test_an_act_is_all_or_nothing(name, taken, nurse, backup, monkeypatch) -> None:
    if name == "reopen_alert":
        resolve_alert(alert=taken, by=nurse.user, outcome="spoke", note="x", now=LATER)
    before = AlertAct.objects.count()

    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.actions.record", refuse)
    acts = {
        "document_act": lambda: document_act(
            alert=taken, kind="spoke", note="x", by=nurse.user, now=LATER
        ),
        "hand_over_alert": lambda: hand_over_alert(
            alert=taken, to=backup, note="x", by=nurse.user, now=LATER
        ),
        "reopen_alert": lambda: reopen_alert(alert=taken, reason="x", by=nurse.user, now=LATER),
    }
    with pytest.raises(IntegrityError):
        acts[name]()
    assert AlertAct.objects.count() == before
    assert not Delivery.objects.filter(rung="handed_over").exists()


def test_a_new_report_adds_a_line_to_the_open_alert_and_tells_again(patient, nurse) -> None:
    put_on_call(nurse)
    first = make_alert(patient, "urgent")
    acknowledge_alert(alert=first, by=nurse.user, now=NOW)
    worse = make_alert(patient, "emergency", now=LATER)
    assert first.events.filter(text__contains=worse.reference).exists()
    assert worse.deliveries.filter(recipient=nurse, status="pending").exists()
