"""Tables of this app, one file per noun."""

from apps.alerts.models.alert import LEVEL_LABELS, REACH_WITHIN, Alert, AlertEvent, AlertQuerySet
from apps.alerts.models.delivery import CHANNEL_EMAIL, Delivery, DeliveryAttempt, DeliveryQuerySet
from apps.alerts.models.rota import Shift, ShiftQuerySet
from apps.alerts.models.watch import Drill, Heartbeat, MailServer, SystemAlert

__all__ = [
    "CHANNEL_EMAIL",
    "LEVEL_LABELS",
    "REACH_WITHIN",
    "Alert",
    "AlertEvent",
    "AlertQuerySet",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryQuerySet",
    "Drill",
    "Heartbeat",
    "MailServer",
    "Shift",
    "ShiftQuerySet",
    "SystemAlert",
]
