"""What the check-in app stores."""

from apps.checkins.models.check_in import CheckIn, CheckInLink, TriageResult, hash_token
from apps.checkins.models.reminder import LIVE, CheckInSchedule, Reminder
from apps.checkins.models.task import CareTask, CheckInPolicy

__all__ = [
    "LIVE",
    "CareTask",
    "CheckIn",
    "CheckInLink",
    "CheckInPolicy",
    "CheckInSchedule",
    "Reminder",
    "TriageResult",
    "hash_token",
]
