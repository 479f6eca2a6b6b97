"""What the check-in app stores."""

from apps.checkins.models.check_in import CheckIn, CheckInLink, TriageResult
from apps.checkins.models.reminder import LIVE, CheckInSchedule, Reminder, SweepPlace, end_of_day
from apps.checkins.models.standing import StandingDuty, StandingOrder
from apps.checkins.models.task import (
    CareTask,
    CheckInPolicy,
    TaskComment,
    policy_of,
)

__all__ = [
    "LIVE",
    "CareTask",
    "CheckIn",
    "CheckInLink",
    "CheckInPolicy",
    "CheckInSchedule",
    "Reminder",
    "StandingDuty",
    "StandingOrder",
    "SweepPlace",
    "TaskComment",
    "TriageResult",
    "end_of_day",
    "policy_of",
]
