"""What the patient is told after a check-in: advice, who was told, who is watching."""

from datetime import datetime, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from apps.alerts.ladder import Level
from apps.alerts.models import Alert
from apps.alerts.rota import on_call_now
from apps.alerts.states import DeliveryStatus
from apps.checkins.models import CheckIn
from apps.clinical.texts import needed_placeholders, patient_text
from apps.clinical.triage import RULES
from apps.patients.models import Clinic

LEVEL_OF_TEXT = {
    rule.text_key: rule.level.value for rule in sorted(RULES, key=lambda rule: rule.level)
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


def call_buttons(key: str, language: str, clinic: Clinic) -> list[dict[str, str]]:
    """Return the numbers a text names, as buttons that dial."""
    labels = {
        "emergency": _("Call %(number)s"),
        "crisis": _("Crisis line %(number)s"),
        "clinic_phone": _("Call the clinic: %(number)s"),
        "after_hours": _("After hours: %(number)s"),
    }
    named = needed_placeholders(key, language)
    return [
        {
            "label": label % {"number": clinic.phone_numbers[name]},
            "href": "tel:"
            + "".join(c for c in clinic.phone_numbers[name] if c.isdigit() or c == "+"),
        }
        for name, label in labels.items()
        if name in named
    ]


def watching_now(clinic: Clinic, now: datetime) -> dict[str, str]:
    """Return who reads this now, from the rota, never from static words."""
    if on_call_now(clinic.pk, now):
        return {"sentence": _("Someone from the clinic is on call now.")}
    return {
        "sentence": _("Nobody at the clinic is on call right now. In danger, call %(number)s.")
        % {"number": clinic.emergency_number}
    }


def told_sentence(check_in: CheckIn, now: datetime) -> str:
    """Return who is being told and by when someone acts; never more than is true."""
    alert = Alert.objects.filter(source_id=check_in.pk).prefetch_related("deliveries").first()
    if alert is None:
        return _("Your care team can see your answers.")
    if alert.level == Level.WATCH:
        return _("Your care team will look at your answers.")
    living = (DeliveryStatus.PENDING, DeliveryStatus.SENDING, DeliveryStatus.SENT)
    if not any(delivery.status in living for delivery in alert.deliveries.all()):
        return _(
            "We could not reach anyone at the clinic yet. Do not wait for us: call %(number)s."
        ) % {"number": alert.clinic.emergency_number}
    minutes = (
        max(alert.response_minutes, 15)
        if alert.level == Level.EMERGENCY
        else alert.response_minutes
    )
    by = (alert.opened_at + timedelta(minutes=minutes)).astimezone(check_in.patient.tz)
    return _("We are telling the person on call now. Someone should call you by %(time)s.") % {
        "time": date_format(by, "P")
    }
