"""Every change to an alert: one act, one transaction, one audit row."""

import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.alerts import ladder
from apps.alerts.escalation import cancel_pending, climb, lock_alert, log
from apps.alerts.models import Alert, AlertAct, AlertEvent, Delivery, Mute, SyntheticPatient
from apps.alerts.states import (
    AlertStatus,
    TransitionError,
    check_alert_transition,
)
from apps.alerts.tasks import doorbell
from apps.audit.actions import record
from apps.clinical.triage import RULES_BY_ID
from apps.clinical.triage import Level as TriageLevel
from apps.database.statements import Insert, Read
from apps.patients.models import DRILL_CLINIC, Patient, StaffMember
from apps.patients.permissions import Right, may

# No letters or digits that sound or look alike on the phone.
REFERENCE_LETTERS: Final = "ACDEFHJKLMNPRTVWXY3479"

OF_SOURCE = Read[Alert](
    lambda source_type, source_id: Alert.objects.filter(
        source_type=source_type, source_id=source_id
    ),
    source_type=str, source_id=UUID,
)  # fmt: skip
UNRESOLVED = Read[Alert](
    lambda patient_id: Alert.objects.unresolved().filter(patient_id=patient_id), patient_id=UUID
)
INSERT_ALERT = Insert(Alert)
ACK_CLOCK_FIELDS: Final = ("acknowledged_at", "clock_set_at", "ack_due_at")


class AlertTakenError(ValueError):
    """Somebody else owns the alert; the text is for the reader."""


class OutcomeError(ValueError):
    """This outcome does not end this alert; the text is for the reader."""


class LinkError(ValueError):
    """The link of a mail does not work (any more); the text is for the reader."""


@transaction.atomic(savepoint=False)  # a caller that fails with it has nothing to keep
def open_alert(
    *,
    patient: Patient,
    level: str,
    response_minutes: int,
    rules: list[str],
    source_type: str,
    source_id: UUID,
    now: datetime,
) -> Alert:
    """Store an alert with its deliveries; the mails leave after the commit.

    Calling again for the same source returns the first alert and tells nobody twice.
    """
    existing = OF_SOURCE.first(source_type=source_type, source_id=source_id)
    if existing is not None:
        return existing
    earlier = UNRESOLVED.all(patient_id=patient.pk)
    alert = Alert(
        clinic_id=patient.clinic_id,
        patient=patient,
        reference=new_reference(),
        level=level,
        priority=ladder.PRIORITY[level],
        source_type=source_type,
        source_id=source_id,
        rules=rules,
        opened_at=now,
        response_minutes=response_minutes,
        next_rung_at=now,
        clock_set_at=now,
        muted_until=muted_until(patient, level, rules, now),
        drill_of_id=drill_of(patient),
    )
    INSERT_ALERT.run(alert)
    note_opening(alert, earlier, now)
    start_ladder(alert, now)
    return alert


def drill_of(patient: Patient) -> UUID | None:
    """Return whose drill a synthetic patient's alert is, None for every real patient."""
    if patient.clinic_id != DRILL_CLINIC:
        return None
    return SyntheticPatient.objects.values_list("clinic_id", flat=True).get(patient=patient)


@transaction.atomic(savepoint=False)
def note_repeat(*, patient: Patient, rules: list[str], source_id: UUID, now: datetime) -> bool:
    """Write a watch finding that is shown already into its alert; False when any of it is new.

    `dedupe_hours` of clinical/triage_rules.csv is how long the same finding need not be
    shown again. It counts from the alert that showed it, not from its last repeat, so what
    goes on comes back. Only for watch: an urgent finding and a red flag are never held back.
    """
    shown = [shown_lately(patient, rule, now) for rule in rules]
    if not rules or not all(shown):
        return False
    for alert in {alert.pk: alert for alert in shown if alert}.values():
        log(alert, "Reported again within the time of its rule: no new alert.", now)
        record(
            "alert.repeat_noted",
            by=None,
            now=now,
            clinic_id=patient.clinic_id,
            patient_id=patient.pk,
            obj=alert,
            source_id=str(source_id),
            rules=rules,
        )
    return True


@transaction.atomic(savepoint=False)
def fold_into_open(
    *, patient: Patient, level: str, rules: list[str], source_id: UUID, now: datetime
) -> Alert | None:
    """Write a finding into an alert that shows it already and is not closed; return that alert.

    For a sender who has sent far too often: the finding is kept and judged all the same, but
    nobody is called once more for what they are called for. Never into a muted alert, which
    calls nobody, nor into one of a lower level.
    """
    alert = alert_showing(patient.pk, level, rules, now)
    if alert is not None:
        log(alert, "Reported again by a link that was used very often: no new alert.", now)
        record(
            "alert.repeat_noted", by=None, now=now, clinic_id=patient.clinic_id,
            patient_id=patient.pk, obj=alert, source_id=str(source_id), rules=rules,
        )  # fmt: skip
    return alert


def alert_showing(patient_id: UUID, level: str, rules: list[str], at: datetime) -> Alert | None:
    """Return the first alert that showed all these rules at `at` and was not closed then.

    Of at least this level, and never a muted one.
    """
    was_open = Q(resolved_at__isnull=True) | Q(resolved_at__gt=at)
    same = Alert.objects.filter(was_open, patient_id=patient_id, rules__contains=rules)
    same = same.filter(muted_until=None, opened_at__lte=at, priority__lte=ladder.PRIORITY[level])
    return same.order_by("opened_at", "pk").first() if rules else None


def note_correction(*, source_id: UUID, now: datetime) -> None:
    """Write into an alert that is not closed that its patient corrected the answers behind it.

    The alert stays: what was said first was said, and a person closes it.
    """
    for alert in Alert.objects.unresolved().filter(source_id=source_id):
        log(alert, "The patient has corrected these answers; the new ones open no alert.", now)


def shown_lately(patient: Patient, rule: str, now: datetime) -> Alert | None:
    """Return the patient's alert that shows this rule since its own time, if there is one.

    One that is closed shows nothing any more: what comes back after it is news.
    """
    known = RULES_BY_ID.get(rule)
    if known is None or known.level != TriageLevel.WATCH:
        return None
    since = now - timedelta(hours=known.dedupe_hours)
    same = Alert.objects.unresolved().filter(patient=patient, rules__contains=[rule])
    return same.filter(opened_at__gt=since, opened_at__lte=now).order_by("-opened_at").first()


def note_opening(alert: Alert, earlier: list[Alert], now: datetime) -> None:
    """Write down that it opened, also in the patient's alerts that are not closed yet."""
    level = alert.get_level_display().lower()
    for other in earlier:
        log(other, f"A newer report came in, {level}: see {alert.reference}.", now)
    log(alert, f"Opened at level {level}.", now)
    record(
        "alert.opened",
        by=None,
        now=now,
        clinic_id=alert.clinic_id,
        patient_id=alert.patient_id,
        obj=alert,
        level=alert.level,
        rules=alert.rules,
    )


def muted_until(patient: Patient, level: str, rules: list[str], now: datetime) -> datetime | None:
    """Return when the first mute ends if every rule that fired is muted, else None."""
    if level == ladder.Level.EMERGENCY or not rules:
        return None
    in_force = Mute.objects.in_force(now).filter(patient=patient)
    ends = dict(in_force.values_list("rule", "ends_at"))
    return min(ends[rule] for rule in rules) if set(rules) <= set(ends) else None


def start_ladder(alert: Alert, now: datetime) -> None:
    """Tell the first rung at once, or at the end of the review time for a watch alert.

    A muted alert tells nobody before its mute is over, and never waits longer than
    `ladder.QUIET_AT_MOST`; the board shows it all the time.
    """
    first_at = first_rung_at(alert, now)
    if alert.muted_until:
        log(alert, "Every rule that fired is muted for this patient: nobody is told yet.", now)
    if first_at > now:
        alert.next_rung_at = first_at
        alert.save(update_fields=["next_rung_at"])
        return
    ids = [delivery.pk for delivery in climb(alert, now=now)]
    # robust: the alert is stored and the dispatcher has its notice, whatever Celery does.
    transaction.on_commit(lambda: doorbell.ring(ids), robust=True)


def first_rung_at(alert: Alert, now: datetime) -> datetime:
    """Return when the first rung of an alert that nobody was told of yet is climbed."""
    first_at = alert.opened_at + ladder.steps(alert.level, alert.response)[0].after
    if alert.muted_until:
        quiet_until = min(alert.muted_until, alert.opened_at + ladder.QUIET_AT_MOST[alert.level])
        first_at = max(first_at, quiet_until)
    return max(first_at, now)


@transaction.atomic
def acknowledge_alert(*, alert: Alert, by: User, now: datetime) -> Alert:
    """Make `by` the one owner, cancel messages still to be sent, start the ack clock.

    Taking one's own alert again changes nothing. Raises `AlertTakenError` when somebody
    else has it and `TransitionError` when it is closed.
    """
    alert = lock_alert(alert.pk)
    if alert.drill_of_id is not None:
        raise TransitionError("This is a drill. Nobody is ill and there is nothing to do.")
    if alert.status == AlertStatus.ACKNOWLEDGED and alert.owner:
        if alert.owner == by:
            return alert
        raise AlertTakenError(f"{alert.owner.full_name} has already taken this alert.")
    if alert.status == AlertStatus.RESOLVED:
        raise TransitionError("This alert is closed. Open it again with a reason if it must be.")
    check_alert_transition(AlertStatus(alert.status), AlertStatus.ACKNOWLEDGED)
    alert.status, alert.owner, alert.next_rung_at = AlertStatus.ACKNOWLEDGED, by, None
    start_ack_clock(alert, now)
    alert.save(update_fields=["status", "owner", "next_rung_at", *ACK_CLOCK_FIELDS])
    cancel_pending(alert)
    write_down(alert, "alert.acknowledged", f"Taken by {by.full_name}.", by, now)
    return alert


def start_ack_clock(alert: Alert, now: datetime) -> None:
    """Give the owner the level's time for a documented act; the caller saves `ACK_CLOCK_FIELDS`.

    When somebody first took the alert is kept for good: a hand-over or a re-opening is
    another fact, and has its own line.
    """
    alert.acknowledged_at = alert.acknowledged_at or now
    alert.clock_set_at, alert.ack_due_at = now, now + ladder.ACK_CLOCK[alert.level]


def check_can_take_by_link(delivery: Delivery, reader: User | None, now: datetime) -> None:
    """Raise `LinkError` unless `reader`, None when nobody is signed in, may use this link."""
    member: StaffMember = delivery.recipient
    if reader is not None and reader != member.user:
        raise LinkError(
            "This link was sent to somebody else. Open the alert to take it in your own name."
        )
    if not (member.is_active and member.user.is_active and may(member, Right.HANDLE_ALERTS)):
        raise LinkError("This link was sent to somebody who no longer handles alerts here.")
    if delivery.link_used_at is not None:
        raise LinkError("This link was used already. Sign in to see the alert.")
    if delivery.link_expires_at is None or now >= delivery.link_expires_at:
        raise LinkError("This link is too old. Sign in and take the alert there.")


@transaction.atomic
def take_by_link(*, delivery: Delivery, reader: User | None, now: datetime) -> Alert:
    """Take the alert for the recipient of this mail and use its link up.

    Raises `LinkError`, `AlertTakenError` or `TransitionError` with the sentence to show,
    and then changes nothing.
    """
    # The alert first, as everywhere that cancels its messages: many press at once, and two
    # that waited for each other's delivery would both fail.
    lock_alert(delivery.alert_id)
    delivery = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("alert", "recipient__user")
        .get(pk=delivery.pk)
    )
    check_can_take_by_link(delivery, reader, now)
    alert = acknowledge_alert(alert=delivery.alert, by=delivery.recipient.user, now=now)
    delivery.link_used_at = now
    delivery.save(update_fields=["link_used_at"])
    log(alert, "Taken by the link in the mail, without signing in.", now)
    return alert


def check_outcome(alert: Alert, outcome: str) -> None:
    """Raise `OutcomeError` when an emergency would end in silence without a welfare check."""
    unanswered = alert.level == ladder.Level.EMERGENCY and outcome == Alert.Outcome.NO_ANSWER
    if unanswered and alert.welfare_check_at is None:
        raise OutcomeError(
            "An emergency does not end with no answer. Ask for a welfare check and write it down "
            "first."
        )


@transaction.atomic
def resolve_alert(*, alert: Alert, by: User, outcome: str, note: str, now: datetime) -> Alert:
    """Close the alert with what was done.

    Raises `TransitionError` when it is closed already and `OutcomeError` when this
    outcome is not enough.
    """
    alert = lock_alert(alert.pk)
    check_alert_transition(AlertStatus(alert.status), AlertStatus.RESOLVED)
    check_outcome(alert, outcome)
    alert.status, alert.outcome, alert.note = AlertStatus.RESOLVED, outcome, note
    alert.resolved_by, alert.resolved_at = by, now
    alert.next_rung_at = alert.ack_due_at = None
    alert.save(
        update_fields=[
            "status", "outcome", "note", "resolved_by", "resolved_at", "next_rung_at", "ack_due_at",
        ]
    )  # fmt: skip
    cancel_pending(alert)
    AlertAct.objects.create(
        alert=alert, at=now, by=by, kind=AlertAct.Kind.CLOSED, note=note, outcome=outcome
    )
    write_down(alert, "alert.resolved", f"Closed: {alert.get_outcome_display()}.", by, now)
    return alert


def write_down(alert: Alert, event: str, text: str, by: User, now: datetime) -> None:
    """Add the act to the timeline and to the audit record."""
    AlertEvent.objects.create(alert=alert, at=now, by=by, text=text)
    record(
        event,
        by=by,
        now=now,
        clinic_id=alert.clinic_id,
        patient_id=alert.patient_id,
        obj=alert,
        status=alert.status,
    )


def new_reference() -> str:
    """Return a short number that can be said on the phone: A-7K3PX2."""
    return "A-" + "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(6))
