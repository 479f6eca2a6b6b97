"""The end of a shift: all that one person has goes to one colleague, or nothing does."""

from datetime import datetime

from django.db import transaction

from apps.alerts.act_actions import hand_over_shift
from apps.audit.actions import record
from apps.checkins.task_team_actions import delegate_task
from apps.dashboard.hand_over import own_tasks
from apps.patients.models import StaffMember


@transaction.atomic
def hand_over_everything(
    *, leaving: StaffMember, to: StaffMember, note: str, now: datetime
) -> tuple[int, int]:
    """Give every alert and every open task of `leaving` to `to`; return how many of each.

    The colleague is told of the alerts by mail. Calling again moves nothing, for nothing
    is left. Raises `HandOverError` when an alert cannot go to this person.
    """
    alerts = hand_over_shift(leaving=leaving, to=to, note=note, now=now)
    tasks = list(own_tasks(leaving))
    for task in tasks:
        delegate_task(task=task, to=to.user, note=note, by=leaving.user, now=now)
    if alerts or tasks:
        record(
            "shift.handed_over", by=leaving.user, now=now, clinic_id=leaving.clinic_id, obj=to,
            alerts=alerts, tasks=len(tasks),
        )  # fmt: skip
    return alerts, len(tasks)
