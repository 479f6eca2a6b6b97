"""What the check-in app stores."""

from apps.checkins.models.check_in import CheckIn, CheckInLink, TriageResult, hash_token
from apps.checkins.models.reminder import LIVE, CheckInSchedule, Reminder

__all__ = [
    "LIVE",
    "CheckIn",
    "CheckInLink",
    "CheckInSchedule",
    "Reminder",
    "TriageResult",
    "hash_token",
]
