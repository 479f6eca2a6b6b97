"""Tables of this app, one file per noun."""

from apps.alerts.ladder import MUTE_AT_MOST
from apps.alerts.models.act import (
    INTERIM_ACTS,
    MUTABLE_GROUPS,
    MUTABLE_LEVELS,
    PASSED_ON,
    AlertAct,
    AlertEvent,
    Mute,
    MuteQuerySet,
)
from apps.alerts.models.alert import (
    ALERT_ROLES,
    DRILL_OUTCOME,
    LEVEL_LABELS,
    REACH_WITHIN,
    Alert,
    AlertQuerySet,
    may_act,
)
from apps.alerts.models.channel import Channel, Gateway, GatewayReport, QuietHours
from apps.alerts.models.contact import (
    CODE_LIFETIME,
    CODE_TRIES,
    ContactMethod,
    ContactMethodQuerySet,
)
from apps.alerts.models.delivery import (
    HANDED_OVER,
    MAY_HAVE_LEFT,
    Delivery,
    DeliveryAttempt,
    DeliveryQuerySet,
)
from apps.alerts.models.drill import Drill, SyntheticPatient
from apps.alerts.models.hours import ClosedDay, CoverPromise, OpeningHours
from apps.alerts.models.rota import (
    ROTA_RUNGS,
    WEEKDAYS,
    ClinicLadder,
    RotaChange,
    Shift,
    ShiftQuerySet,
    WeeklyTurn,
)
from apps.alerts.models.watch import Heartbeat, MailServer, SystemAlert

__all__ = [
    "ALERT_ROLES",
    "CODE_LIFETIME",
    "CODE_TRIES",
    "DRILL_OUTCOME",
    "HANDED_OVER",
    "INTERIM_ACTS",
    "LEVEL_LABELS",
    "MAY_HAVE_LEFT",
    "MUTABLE_GROUPS",
    "MUTABLE_LEVELS",
    "MUTE_AT_MOST",
    "PASSED_ON",
    "REACH_WITHIN",
    "ROTA_RUNGS",
    "WEEKDAYS",
    "Alert",
    "AlertAct",
    "AlertEvent",
    "AlertQuerySet",
    "Channel",
    "ClinicLadder",
    "ClosedDay",
    "ContactMethod",
    "ContactMethodQuerySet",
    "CoverPromise",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryQuerySet",
    "Drill",
    "Gateway",
    "GatewayReport",
    "Heartbeat",
    "MailServer",
    "Mute",
    "MuteQuerySet",
    "OpeningHours",
    "QuietHours",
    "RotaChange",
    "Shift",
    "ShiftQuerySet",
    "SyntheticPatient",
    "SystemAlert",
    "WeeklyTurn",
    "may_act",
]
