"""Who is on call now, for the board and for what a patient is told."""

from datetime import datetime
from uuid import UUID

from apps.alerts.ladder import Rung
from apps.alerts.models import Shift


def on_call_now(clinic_id: UUID, now: datetime) -> list[Shift]:
    """Return the shifts of this moment, lowest rung first."""
    order = {rung: position for position, rung in enumerate(Rung)}
    shifts = Shift.objects.at(now).filter(clinic_id=clinic_id).select_related("member__user")
    return sorted(shifts, key=lambda shift: (order[Rung(shift.rung)], shift.member.user.full_name))
