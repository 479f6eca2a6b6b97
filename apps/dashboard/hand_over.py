"""What the next shift must know: what goes over to it, and what changed in this one. Reads only."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from apps.alerts.models import Alert, Shift
from apps.checkins.models import CareTask
from apps.dashboard.models import PatientNote
from apps.patients.models import Patient, StaffMember
from apps.tapers.models import Enactment, PlanHold, PlanVersion

USUAL_SHIFT: Final = timedelta(hours=12)
LISTED: Final = 25  # of each kind; nobody reads on


@dataclass(frozen=True, slots=True)
class HandOver:
    """Everything on the page."""

    since: datetime
    is_on_call: bool
    alerts: list[Alert]
    tasks: list[CareTask]
    changes: list[tuple[str, Sequence[Any]]]


def hand_over_of(member: StaffMember, now: datetime) -> HandOver:
    """Return what this person would hand over now. Eight queries."""
    since = shift_began(member, now)
    mine = Alert.objects.filter(clinic_id=member.clinic_id).owned_by(member.user)
    return HandOver(
        since=since or now - USUAL_SHIFT,
        is_on_call=since is not None,
        alerts=list(mine.select_related("patient").by_urgency()),
        tasks=list(own_tasks(member).select_related("patient")),
        changes=changes_since(member, since or now - USUAL_SHIFT),
    )


def shift_began(member: StaffMember, now: datetime) -> datetime | None:
    """Return when the reader's shift of now began; shifts without a gap are one."""
    rows = Shift.objects.filter(
        member=member, starts_at__lte=now, starts_at__gt=now - 3 * USUAL_SHIFT
    )
    began: datetime | None = None
    for starts_at, ends_at in rows.order_by("-ends_at").values_list("starts_at", "ends_at"):
        if ends_at > now or (began is not None and ends_at >= began):
            began = min(starts_at, began or starts_at)
    return began


def own_tasks(member: StaffMember) -> Any:
    """Return the open tasks that this person has."""
    return CareTask.objects.visible_to(member).open().filter(owner_id=member.user_id)


def changes_since(member: StaffMember, since: datetime) -> list[tuple[str, Any]]:
    """Return what happened in the clinic since then, by kind, the newest first."""
    own = {"clinic_id": member.clinic_id}
    alerts = Alert.objects.filter(Q(opened_at__gte=since) | Q(resolved_at__gte=since), **own)
    tasks = CareTask.objects.filter(done_at__gte=since, **own)
    holds = PlanHold.objects.filter(plan__clinic_id=member.clinic_id, opened_at__gte=since)
    plans = Enactment.objects.filter(version__plan__clinic_id=member.clinic_id, at__gte=since)
    notes = PatientNote.objects.filter(written_at__gte=since, **own)
    alerts = alerts.select_related("patient", "owner").order_by("priority", "-opened_at")
    return [
        ("alerts", alerts[:LISTED]),
        ("tasks", tasks.select_related("patient", "done_by").order_by("-done_at")[:LISTED]),
        ("holds", holds.select_related("plan__patient").order_by("-opened_at")[:LISTED]),
        ("plans", plans.exclude(version__kind=PlanVersion.Kind.START)
         .select_related("version__plan__patient", "by").order_by("-at")[:LISTED]),
        ("notes", notes.select_related("patient", "written_by")[:LISTED]),
    ]  # fmt: skip


def hand_over_rows(found: HandOver) -> Iterator[dict[str, Any]]:
    """Yield every line of the page: whose it is, when, what and by whom."""
    for alert in found.alerts:
        what = f"Alert {alert.reference}"
        yield line("mine", alert.patient, alert.opened_at, what, None, alert.pk)
    for task in found.tasks:
        yield line("mine", task.patient, task.due_at, task.what, None)
    for kind, rows in found.changes:
        yield from (CHANGES[kind](row) for row in rows)


def line(
    kind: str, patient: Patient, at: datetime, what: str, who: Any, alert_id: UUID | None = None
) -> dict[str, Any]:
    """Return one line as a file has it, with the id of the alert that it shows."""
    return {
        "kind": kind, "patient": patient, "at": at, "what": what, "who": who or "",
        "alert_id": alert_id,
    }  # fmt: skip


CHANGES: Final[dict[str, Callable[[Any], dict[str, Any]]]] = {
    "alerts": lambda row: line(
        "alert", row.patient, row.opened_at, f"{row.get_level_display()} {row.reference}",
        row.owner, row.pk,
    ),
    "tasks": lambda row: line("task done", row.patient, row.done_at, row.what, row.done_by),
    "holds": lambda row: line("next cut held", row.plan.patient, row.opened_at, row.note, None),
    "plans": lambda row: line(
        "plan changed", row.version.plan.patient, row.at, row.version.get_kind_display(), row.by
    ),
    "notes": lambda row: line("note", row.patient, row.written_at, row.text, row.written_by),
}  # fmt: skip
