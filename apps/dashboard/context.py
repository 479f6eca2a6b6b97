"""What every staff template may read."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from apps.alerts.health import check_health, unreached_alerts
from apps.patients.access import current_member
from apps.patients.permissions import RIGHTS


def site(request: HttpRequest) -> dict[str, Any]:
    """Return `site`: demo mode, the reader's clinic and what every staff page says loudly."""
    found = getattr(request, "site_values", None)
    if found is not None:  # a view has asked already
        return {"site": found}
    member = current_member(request)
    values: dict[str, Any] = {"demo": settings.DEMO_MODE, "clinic": None, "member": member}
    if member is not None:
        now = timezone.now()
        unreached = unreached_alerts(member.clinic_id, now)
        problems = check_health(now, member.clinic_id).problems
        values["clinic"] = member.clinic
        mine = getattr(request, "memberships", [])
        values["clinics"] = [each.clinic for each in mine] if len(mine) > 1 else []
        values["rights"] = RIGHTS[member.role]
        values["system_alarm"] = alarm_sentence([alert.reference for alert in unreached], problems)
        values["alarm_details"] = [*problems]
    return {"site": values}


def alarm_sentence(unreached: list[str], problems: tuple[str, ...]) -> str:
    """Return the sentence of the red banner, empty when all is well."""
    if unreached:
        return (
            f"No mail has reached anybody for {', '.join(unreached)}. Open it now and act yourself."
        )
    if problems:
        return "Alerts may not be delivered. Watch this board and call the person on call."
    return ""
