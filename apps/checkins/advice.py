"""What the patient is told after a check-in: advice, who was told, who is watching."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.alerts.actions import alert_showing
from apps.alerts.ladder import Level, Rung
from apps.alerts.models import Alert, Delivery, Shift
from apps.alerts.rota import is_open, next_watch, on_call_now
from apps.alerts.states import AlertStatus
from apps.checkins.claims import without_claims
from apps.checkins.free_text import own_words
from apps.checkins.models import CareTask, CheckIn
from apps.checkins.task_actions import wants_to_stay
from apps.clinical.questionnaires import get_questionnaire
from apps.clinical.texts import needed_placeholders, patient_text
from apps.database.objects import keep_related
from apps.database.statements import Read
from apps.patients.models import Clinic, Patient, Role

ALERT = Read[Alert](
    lambda source_id: Alert.objects.filter(source_id=source_id).order_by("pk")[:1], source_id=UUID
)
DELIVERIES = Read[Delivery](
    lambda alert_id: Delivery.objects.filter(alert_id=alert_id), alert_id=UUID
)

WISHES: Final = {
    CareTask.Kind.CALL_TODAY: gettext_lazy("By %(time)s someone should call you, as you asked."),
    CareTask.Kind.STAY: gettext_lazy(
        "You asked to stay at this dose. By %(time)s someone should talk with you about it."
    ),
    CareTask.Kind.READ_TODAY: gettext_lazy("By %(time)s someone should read what you wrote."),
}
CALL_LABELS: Final = {
    "emergency": gettext_lazy("Call %(number)s"),
    "crisis": gettext_lazy("Crisis line %(number)s"),
    "clinic_phone": gettext_lazy("Call the clinic: %(number)s"),
    "after_hours": gettext_lazy("After hours: %(number)s"),
}


def advice_for(check_in: CheckIn, clinic: Clinic) -> list[dict[str, Any]]:
    """Return the texts triage chose, most severe first, with buttons to call."""
    fired = {finding["text_key"]: finding["level"] for finding in reversed(check_in.triage.fired)}
    return [
        {
            "key": key,
            "level": fired.get(key, "none"),
            "text": patient_text(key, check_in.language, **clinic.phone_numbers),
            "buttons": call_buttons(key, check_in.language, clinic),
        }
        for key in check_in.triage.text_keys
    ]


def true_advice_for(check_in: CheckIn, clinic: Clinic, alert: Alert | None) -> list[dict[str, Any]]:
    """Return the advice as far as it is true: who is only being told has not been told.

    Nor has anybody who took an alert before it took this finding up.
    """
    advice = advice_for(check_in, clinic)
    is_old = alert is not None and was_seen_before(check_in, alert)
    if is_old or not has_been_told(alert):
        telling = can_be_told(alert) and not is_old
        for entry in advice:
            entry["text"] = without_claims(entry["text"], check_in.language, telling=telling)
    return advice


def alert_of(check_in: CheckIn) -> Alert | None:
    """Return the alert a check-in opened, or the one that was open and took its finding up.

    The second calls nobody anew, so its own clock and messages are what is told.
    """
    alert = ALERT.first(source_id=check_in.pk) or alert_taking_up(check_in)
    if alert is not None:
        keep_related(alert, "deliveries", DELIVERIES.all(alert_id=alert.pk))
    return alert


def alert_taking_up(check_in: CheckIn) -> Alert | None:
    """Return the alert that showed a finding already when it came by a link used too often."""
    level = check_in.triage.level
    # A watch finding waits for the board by either way; it tells of no clock.
    if check_in.may_calm or level not in (Level.URGENT, Level.EMERGENCY):
        return None
    rules = [fired["rule_id"] for fired in check_in.triage.fired]
    return alert_showing(check_in.patient_id, level, rules, check_in.received_at)


def was_seen_before(check_in: CheckIn, alert: Alert) -> bool:
    """Answer whether somebody had taken the alert that took this finding up: nobody saw that."""
    return alert.source_id != check_in.pk and alert.status != AlertStatus.OPEN


def has_been_told(alert: Alert | None) -> bool:
    """Answer whether a message about this alert has reached somebody, as far as anybody knows."""
    return alert is not None and any(message.has_arrived for message in alert.deliveries.all())


def can_be_told(alert: Alert | None) -> bool:
    """Answer whether somebody has been reached or may be; a watch alert waits on the board."""
    if alert is None or alert.level == Level.WATCH:
        return True
    return any(message.may_arrive for message in alert.deliveries.all())


def call_buttons(key: str, language: str, clinic: Clinic) -> list[dict[str, str]]:
    """Return the numbers a text names, as buttons that dial."""
    named = needed_placeholders(key, language)
    return [
        {
            "label": label % {"number": clinic.phone_numbers[name]},
            "href": "tel:"
            + "".join(c for c in clinic.phone_numbers[name] if c.isdigit() or c == "+"),
        }
        for name, label in CALL_LABELS.items()
        if name in named
    ]


def watching_now(
    clinic: Clinic, now: datetime, on_call: list[Shift] | None = None
) -> dict[str, str]:
    """Return who reads this now, from rota, hours and holidays, never from static words.

    `on_call` are the shifts of this moment where they are at hand; else they are asked for.
    """
    shifts = on_call_now(clinic.pk, now) if on_call is None else on_call
    first = next(iter(shifts), None)
    if first is not None:
        if first.rung == Rung.ON_CALL and first.member.role == Role.NURSE:
            return {"sentence": _("A nurse is on call now.")}
        return {"sentence": _("Someone from the clinic is on call now.")}
    if is_open(clinic, now):
        return {"sentence": _("The clinic is open now, and someone reads what you send.")}
    begins = next_watch(clinic, now)
    if begins is None:
        return {
            "sentence": _("Nobody at the clinic is on call right now. In danger, call %(number)s.")
            % {"number": clinic.emergency_number}
        }
    return {
        "sentence": _("Nobody reads this until %(time)s. In danger, call %(number)s.")
        % {
            "time": date_format(begins.astimezone(clinic.tz), "l H:i"),
            "number": clinic.emergency_number,
        }
    }


def told_sentence(check_in: CheckIn, alert: Alert | None, now: datetime) -> str:
    """Return who is being told and by when someone acts; never more than is true."""
    if alert is None:
        return _("Your care team can see your answers.")
    if alert.level == Level.WATCH or alert.muted_until:
        return _("Your care team will look at your answers.")
    if was_seen_before(check_in, alert):
        return _(
            "Someone at the clinic has seen what you told us before, but not this yet. "
            "If nobody calls you soon, call %(number)s."
        ) % {"number": alert.clinic.phone or alert.clinic.emergency_number}
    if alert.status != AlertStatus.OPEN:
        return _("Someone at the clinic has seen what you sent.")
    if not can_be_told(alert):
        return _(
            "We could not reach anyone at the clinic yet. Do not wait for us: call %(number)s."
        ) % {"number": alert.clinic.emergency_number}
    minutes = (
        max(alert.response_minutes, 15)
        if alert.level == Level.EMERGENCY
        else alert.response_minutes
    )
    by = alert.opened_at + timedelta(minutes=minutes)
    if now > by:
        return _("Someone should have called you by %(time)s. If nobody did, call %(number)s.") % {
            "time": moment(by, check_in.patient, now),
            "number": alert.clinic.phone or alert.clinic.emergency_number,
        }
    return _("We are telling the person on call now. By %(time)s someone should call you.") % {
        "time": moment(by, check_in.patient, now)
    }


def moment(at: datetime, patient: Patient, now: datetime) -> str:
    """Return a time on the patient's clock, with the weekday unless it is today."""
    tz = patient.tz
    there = at.astimezone(tz)
    return date_format(there, "P" if there.date() == now.astimezone(tz).date() else "P (l)")


def tasks_for(check_in: CheckIn) -> list[CareTask]:
    """Return the tasks of a check-in; for one that opened none, those that were open for the same.

    A link used too often asks once: the first task's own time is what is told.
    """
    own = list(check_in.tasks.order_by("kind"))
    stay = {CareTask.Kind.STAY.value} if wants_to_stay(check_in.answers) else set()
    asked = stay.union(check_in.requests) - {task.kind for task in own}
    if check_in.may_calm or not asked:
        return own
    at = check_in.received_at
    before = CareTask.objects.open().filter(
        patient_id=check_in.patient_id, kind__in=asked, created_at__lte=at, due_at__gt=at
    )
    first = {task.kind: task for task in reversed(before)}  # the one that is due first
    return sorted([*own, *first.values()], key=lambda task: task.kind)


def wishes_of(check_in: CheckIn, now: datetime) -> list[str]:
    """Return what happens with what the patient asked for or wrote."""
    questions = get_questionnaire(check_in.questionnaire, check_in.questionnaire_version)
    asked = check_in.requests or wants_to_stay(check_in.answers)
    asked = asked or own_words(questions, check_in.answers)
    tasks = tasks_for(check_in) if asked else []
    return [
        WISHES[CareTask.Kind(task.kind)] % {"time": moment(task.due_at, check_in.patient, now)}
        for task in tasks
    ]
