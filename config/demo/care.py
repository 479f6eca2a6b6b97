"""What the staff did about each alert, at their own past times, through the real actions."""

import random
from datetime import datetime, timedelta
from typing import Final

from apps.accounts.models import User
from apps.alerts.actions import acknowledge_alert, resolve_alert
from apps.alerts.delivery import claim, settle
from apps.alerts.ladder import Level, Rung
from apps.alerts.models import Alert, Shift
from apps.alerts.smtp import Answer, Result
from apps.alerts.states import DeliveryStatus
from apps.alerts.sweep import climb_due
from apps.clinical.triage import RULES_BY_ID
from apps.tapers.actions_changes import change_plan
from apps.tapers.changes import Change
from apps.tapers.models import PlanHold
from apps.tapers.signable import Signing
from config.demo.story import Care, Event

# Minutes until somebody takes an alert and from then until it is closed.
TAKEN_AFTER: Final = {Level.EMERGENCY: (1, 8), Level.URGENT: (6, 80), Level.WATCH: (40, 420)}
CLOSED_AFTER: Final = {Level.EMERGENCY: (9, 26), Level.URGENT: (10, 100), Level.WATCH: (5, 200)}
MAIL_TAKES: Final = timedelta(seconds=1)
ORDINARY: Final = Event()
WORDS: Final = {
    "adherence": "Called. Forgot in a busy day; took the next dose as planned. No signs.",
    "trend": "Called. Worse since the last step, sleeping and eating, no red flags. Stays at this "
    "dose until it settles.",
    "supply": "Refill sent to the pharmacy today; the patient picks it up tomorrow.",
    "substance": "Talked about alcohol during the taper. One drink at dinner, will leave it.",
    "neuro": "Called. Jerks at rest in the evening, none now. Keeps the dose; visit this week.",
    "psychiatric": "Called. Scores and mood talked through; therapist has an earlier slot.",
}
USUAL_WORDS: Final = "Called and went through the answers together. No change today."


def look_after(alert: Alert, event: Event, rng: random.Random, now: datetime) -> None:
    """Bring an alert to where it stands at `now`: mailed, taken, closed or still open."""
    if event.care is Care.OPEN:
        return  # its mail is still to leave: the running clinic sends it
    taken_at = alert.opened_at + minutes(TAKEN_AFTER[Level(alert.level)], rng)
    if event.taken_after is not None:
        taken_at = alert.opened_at + timedelta(minutes=event.taken_after)
    closed_at = taken_at + minutes(CLOSED_AFTER[Level(alert.level)], rng)
    if event.care is Care.DONE and closed_at >= now:
        # Opened today without a story of its own: done in time all the same.
        taken_at = alert.opened_at + (now - alert.opened_at) / 4
        closed_at = alert.opened_at + (now - alert.opened_at) / 2
    reach_people(alert, taken_at)
    person = responder(alert, taken_at)
    # A watch alert is read and closed in one go; the others are taken first.
    if event.care is Care.TAKEN or alert.level != Level.WATCH:
        acknowledge_alert(alert=alert, by=person, now=taken_at)
    if event.care is Care.DONE:
        close(alert, event, person, closed_at)


def minutes(limits: tuple[int, int], rng: random.Random) -> timedelta:
    """Return a time between two limits."""
    return timedelta(seconds=rng.randint(limits[0] * 60, limits[1] * 60))


def reach_people(alert: Alert, until: datetime) -> None:
    """Send what was due before `until` and climb the ladder as the sweep would have."""
    at = alert.opened_at
    while True:
        send_pending(alert, at)
        alert.refresh_from_db(fields=["next_rung_at", "next_rung"])
        if alert.next_rung_at is None or alert.next_rung_at >= until:
            return
        at = alert.next_rung_at
        climb_due(alert.pk, at)


def send_pending(alert: Alert, at: datetime) -> None:
    """Mark each pending mail as accepted a second later, without a mail server."""
    pending = alert.deliveries.filter(status=DeliveryStatus.PENDING).values_list("pk", flat=True)
    for key in list(pending):
        delivery = claim(at, key)
        if delivery is not None:
            settle(delivery, Answer(Result.SENT, "accepted"), at + MAIL_TAKES)


def responder(alert: Alert, at: datetime) -> User:
    """Return the last person who was told, else who was on call."""
    told = alert.deliveries.select_related("recipient__user").order_by("-round").first()
    if told is not None:
        return told.recipient.user
    on_call = Shift.objects.at(at).filter(clinic_id=alert.clinic_id, rung=Rung.ON_CALL)
    return on_call.select_related("member__user").get().member.user


def close(alert: Alert, event: Event, by: User, at: datetime) -> None:
    """Resolve with an outcome and a note, and let the plan go on unless the story says no."""
    note = event.note or ordinary_words(alert)
    resolve_alert(alert=alert, by=by, outcome=event.outcome, note=note, now=at)
    if not event.keep_hold:
        release_holds(alert, at)


def ordinary_words(alert: Alert) -> str:
    """Return a note that fits the gravest rule of the alert."""
    groups = [RULES_BY_ID[rule].group for rule in alert.rules]
    return next((WORDS[group] for group in groups if group in WORDS), USUAL_WORDS)


def release_holds(alert: Alert, at: datetime) -> None:
    """Let the plan go on, as its prescriber would: the next cut comes an interval later."""
    for hold in PlanHold.objects.open().filter(source_id=alert.source_id).select_related("plan"):
        plan = hold.plan
        prescriber = plan.activated_by
        if prescriber is not None:
            change_plan(
                plan=plan, change=Change("go_on", "Talked it through; the plan goes on."),
                based_on=plan.latest.number, signing=Signing("demo"), by=prescriber, now=at,
            )  # fmt: skip
