"""Shapes that the staff pages show: pure functions over rows already fetched."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final

from apps.alerts.models import Channel, Delivery
from apps.alerts.states import DeliveryStatus
from apps.checkins.models import CheckIn
from apps.checkins.task_actions import ASKED_TO_STAY, SOURCE_REQUEST
from apps.clinical.rule_words import rule_words
from apps.clinical.triage import RULES_BY_ID
from apps.tapers.charts import dose_lines, joined
from apps.tapers.models import PlanHold
from apps.tapers.today import Today

TOP_SCORE: Final = 40
# Who asked for a hold that names no rule, by the kind of its source.
ASKED: Final = {
    "check_in": "A check-in asked for it.",
    "trusted_person": "The trusted person's report asked for it.",
    "alert": "An alert asked for it.",
    SOURCE_REQUEST: ASKED_TO_STAY,
    "silence": "No check-in came.",
}
OTHERWISE: Final = "A colleague asked for a hold."


def why_held(hold: PlanHold) -> str:
    """Return in a sentence who or what asked for a hold."""
    if hold.note:
        return hold.note
    said = " ".join(rule_words(rule for rule in hold.rules if rule in RULES_BY_ID))
    return f"A check-in asked for it: {said}" if said else ASKED.get(hold.source_type, OTHERWISE)


def delivery_state(deliveries: Iterable[Delivery]) -> dict[str, str]:
    """Return in one line whether anybody has been reached, and by what."""
    rows = sorted(deliveries, key=lambda d: d.created_at)
    sent = [d for d in rows if d.status == DeliveryStatus.SENT]
    reached = [d for d in rows if d.has_arrived]
    if reached:
        last = reached[-1]
        how = "arrived" if last.receipt == Delivery.Receipt.DELIVERED else "accepted"
        return {
            "label": f"{channel_word(last)} {how}",
            "level": "ok",
            "detail": f"for {last.recipient.user.full_name}",
        }
    waiting = [d for d in rows if d.status in (DeliveryStatus.PENDING, DeliveryStatus.SENDING)]
    if waiting:
        if all(d.quiet_until for d in waiting):
            return {"label": "Waits for quiet hours to end", "level": "wait", "detail": ""}
        errors = [d.last_error for d in rows if d.last_error]
        label = f"{channel_word(waiting[-1])} on its way"
        return {"label": label, "level": "wait", "detail": errors[-1] if errors else ""}
    if sent:
        label = sent[-1].get_receipt_display().lower()
        return {"label": "Nobody reached", "level": "bad", "detail": f"accepted, but {label}"}
    if rows:
        return {"label": "Nobody reached", "level": "bad", "detail": rows[-1].last_error}
    return {"label": "Waits on the board", "level": "wait", "detail": "no mail before its time"}


def channel_word(delivery: Delivery) -> str:
    """Return what was sent, in a word or two that begin a label."""
    return "Mail" if delivery.channel == Channel.EMAIL else delivery.get_channel_display()


def chart_points(
    state: Today, check_ins: list[CheckIn], width: int = 720, height: int = 220
) -> dict[str, Any]:
    """Return dose steps and symptom scores as polyline points in a `width` x `height` box.

    Time runs from the first step or check-in to today, in the patient's days; each drug is
    scaled to its own highest dose, the score to its 40 points. A step that a hold or a gate
    stopped is not drawn: it was never taken.
    """
    today, steps, tz = state.day, state.begun, state.plan.patient.tz
    days = [step.start_on for step in steps]
    scores = sorted(
        (row.received_at.astimezone(tz).date(), row.triage.dws)
        for row in check_ins
        if row.triage.dws is not None
    )
    first = min([*days, *(day for day, _ in scores)], default=today)
    span = max((today - first).days, 1)

    def x_of(day: date) -> float:
        return round((day - first).days / span * width, 1)

    begun = [(step.start_on, step.by_drug) for step in steps]
    return {
        "width": width,
        "height": height,
        "doses": dose_lines(begun, today, x_of=x_of, height=height),
        "score_points": joined(
            (x_of(day), round((1 - dws / TOP_SCORE) * height, 1)) for day, dws in scores
        ),
        "first": first,
        "last": today,
    }


def since(moment: datetime, now: datetime) -> str:
    """Return an age in the shortest useful form: 4 min, 3 h, 2 d."""
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min" if minutes else "under 1 min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} d"
