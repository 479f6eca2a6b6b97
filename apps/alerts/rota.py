"""Who is on call now, for the board and for what a patient is told."""

from datetime import datetime, timedelta
from uuid import UUID

from apps.alerts.coverage import DAYS_AHEAD, open_stretches
from apps.alerts.ladder import Rung
from apps.alerts.models import Shift
from apps.database.statements import Read
from apps.patients.models import Clinic

ON_CALL = Read[Shift](
    lambda clinic_id, now: Shift.objects.at(now)
    .filter(clinic_id=clinic_id)
    .select_related("member__user"),
    clinic_id=UUID, now=datetime,
)  # fmt: skip


def on_call_now(clinic_id: UUID, now: datetime) -> list[Shift]:
    """Return the shifts of this moment, lowest rung first."""
    order = {rung: position for position, rung in enumerate(Rung)}
    shifts = ON_CALL.all(clinic_id=clinic_id, now=now)
    return sorted(shifts, key=lambda shift: (order[Rung(shift.rung)], shift.member.user.full_name))


def next_watch(clinic: Clinic, now: datetime) -> datetime | None:
    """Return when somebody reads what comes in next: a shift begins or the clinic opens.

    Looks two weeks ahead; None when nothing is known.
    """
    end = now + timedelta(days=DAYS_AHEAD)
    shifts = Shift.objects.filter(clinic=clinic, rung=Rung.ON_CALL).of_active()
    begins = shifts.filter(starts_at__gt=now).order_by("starts_at").first()
    opens = [start for start, _ in open_stretches(clinic, now, end) if start > now]
    moments = [*opens[:1], *([begins.starts_at] if begins else [])]
    return min(moments, default=None)


def is_open(clinic: Clinic, now: datetime) -> bool:
    """Answer whether the clinic is open now, by its hours and holidays."""
    stretches = open_stretches(clinic, now, now + timedelta(minutes=1))
    return any(start <= now < end for start, end in stretches)
