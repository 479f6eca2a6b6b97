"""What the board shows: alerts, today's tasks, who is on call, how the system does.

Reads only. The same few queries whatever the size of the clinic: lists are cut where
nobody reads on, and what the calendar says of 100,000 patients comes from their rows.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Value,
    prefetch_related_objects,
)
from django.db.models.functions import Coalesce

from apps.alerts.ladder import PRIORITY
from apps.alerts.models import Alert, AlertQuerySet, Delivery, Shift
from apps.alerts.rota import on_call_now
from apps.alerts.states import AlertStatus
from apps.checkins.models import CareTask
from apps.checkins.task_ends import act_that_ends, choices_for, how_it_ends
from apps.clinical.triage import Level
from apps.dashboard import summaries
from apps.dashboard.models import PatientState
from apps.database.statements import Read, ReadRows
from apps.patients.models import StaffMember

ALERTS_SHOWN: Final = 60
TASKS_SHOWN: Final = 40
SEEN_SHOWN: Final = 10  # of each kind of thing that only the calendar knows
# Who was looked after today does not come back today, whatever came of it.
QUIET_AFTER_DONE: Final = timedelta(hours=16)
NIGHT_SHIFT: Final = timedelta(hours=8)  # [proposal]
# What a line shows and no more: of two hundred rows a third of the time is in the columns.
NAMES: Final = ("patient__given_name", "patient__family_name", "patient__phone")
ALERT_COLUMNS: Final = (
    "reference", "level", "status", "rules", "source_type", "opened_at", "response_minutes",
    "ack_due_at", "owner__full_name", "patient__birth_date", *NAMES,
)  # fmt: skip
TOLD_COLUMNS: Final = (
    "alert_id", "channel", "status", "receipt", "created_at", "quiet_until", "last_error",
    "recipient__user__full_name",
)  # fmt: skip
TASK_COLUMNS: Final = ("kind", "title", "due_at", "done_at", "owner__full_name", *NAMES)
SEEN_COLUMNS: Final = (
    "patient_id", "patient__given_name", "patient__family_name", "patient__phone", "since",
    "seen", "blocked",
)  # fmt: skip
LEVELS: Final = (Level.EMERGENCY.value, Level.URGENT.value, Level.WATCH.value)
KINDS_SEEN: Final = (CareTask.Kind.SILENT, CareTask.Kind.STEP_REVIEW)
# Nobody can take it for a prescriber, and it ends with their signature alone: never a task.
UNSIGNED: Final = "unsigned"  # no kind of a task: the one of a discharge is another line
UNSIGNED_WORDS: Final = "Plan waits for a second signature"


@dataclass(frozen=True, slots=True)
class Job:
    """One line of today's tasks: a stored task, or something seen that nobody took yet."""

    key: str
    kind: str
    what: str
    patient_id: UUID
    patient: str
    phone: str
    due_at: datetime
    overdue: bool
    owner: str
    mine: bool
    detail: str
    task_id: UUID | None = None
    owner_id: str = ""

    @property
    def has_time(self) -> bool:
        """Whether the line can wait: a decision of a prescriber, while the dose of today stays."""
        return self.task_id is None and self.kind != CareTask.Kind.SILENT

    @property
    def ends_by(self) -> str:
        """What ends a stored task that no outcome ends, empty for others."""
        return act_that_ends(self.kind, self.what) if self.task_id else ""

    @property
    def why(self) -> str:
        """What the form beside the line says of how the task ends."""
        return how_it_ends(self.kind, self.what)

    @property
    def outcomes(self) -> list[tuple[str, str]]:
        """What may be chosen here; what only a prescriber may choose stands on the task's page."""
        return choices_for(self.kind, self.what, may_decide=False)

    @property
    def mark(self) -> str:
        """What changes when the line does; ages are told by the browser's clock."""
        return mark_of(
            self.what, self.due_at, self.overdue, self.owner, self.detail, self.patient, self.phone
        )


@dataclass(slots=True)
class Board:
    """Everything on the board at one moment."""

    now: datetime
    alerts: list[Alert]
    more_alerts: int
    tally: dict[str, int]
    jobs: list[Job]
    more_jobs: bool
    on_call: list[Shift]

    @property
    def open_count(self) -> int:
        """How many alerts shown wait for somebody."""
        return sum(alert.status == AlertStatus.OPEN for alert in self.alerts)

    def mark(self, *more: object) -> str:
        """Return the entity tag: the same as long as the page need not be drawn anew."""
        rows = [f"{a.pk}{a.mark}" for a in self.alerts]  # type: ignore[attr-defined]
        jobs = [job.key + job.mark for job in self.jobs]
        people = [f"{shift.pk}{shift.rung}" for shift in self.on_call]
        return mark_of(*rows, self.more_alerts, *jobs, self.more_jobs, *people, *more)


def mark_of(*parts: object) -> str:
    """Return a short text that differs when any part does."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:16]


def board_of(member: StaffMember, now: datetime) -> Board:
    """Return the board of this person's clinic. Six queries, seven when alerts are many."""
    found, tally = open_alerts(member, now)
    jobs, more_jobs = jobs_of(member, now)
    return Board(
        now=now,
        alerts=found[:ALERTS_SHOWN],
        more_alerts=sum(tally.values()) - len(found[:ALERTS_SHOWN]),
        tally=tally,
        jobs=jobs,
        more_jobs=more_jobs,
        on_call=on_call_now(member.clinic_id, now),
    )


def open_alerts(member: StaffMember, now: datetime) -> tuple[list[Alert], dict[str, int]]:
    """Return the alerts to show, most severe first, and how many there are of each level."""
    told = Delivery.objects.select_related("recipient__user").only(*TOLD_COLUMNS)
    shown = ALERTS.all(clinic=member.clinic_id)
    prefetch_related_objects(shown, Prefetch("deliveries", queryset=told))
    for alert in shown:
        decorate(alert, now)
    return shown, {level: getattr(shown[0], f"open_{level}") if shown else 0 for level in LEVELS}


def alerts_to_show(clinic: UUID) -> Any:
    """Return the most severe unresolved alerts of a clinic, one more than fits."""
    rows = Alert.objects.filter(clinic_id=clinic).unresolved()
    return (
        rows.by_urgency()
        .annotate(**{f"open_{level}": count_of(rows, level) for level in LEVELS})
        .select_related("patient", "owner")
        .only(*ALERT_COLUMNS)[: ALERTS_SHOWN + 1]
    )


def count_of(rows: AlertQuerySet, level: str) -> Coalesce:
    """Return how many alerts of a level are open, as a value that is counted once a query."""
    same = rows.filter(priority=PRIORITY[level]).order_by()
    return Coalesce(Subquery(same.values("clinic").annotate(n=Count("pk")).values("n")), 0)


ALERTS: Final[Read[Alert]] = Read(alerts_to_show, clinic=UUID)


def decorate(alert: Alert, now: datetime) -> None:
    """Add what the templates show and no column holds."""
    alert.summary_lines = summaries.rule_words(alert.rules)  # type: ignore[attr-defined]
    alert.delivery_state = summaries.delivery_state(alert.deliveries.all())  # type: ignore[attr-defined]
    alert.age = summaries.since(alert.opened_at, now)  # type: ignore[attr-defined]
    alert.patient_age = alert.patient.age_on(now.date())  # type: ignore[attr-defined]
    # Past its clock: the line says so even where nobody looks at the minutes.
    alert.due_at = alert.ack_due_at or alert.act_by  # type: ignore[attr-defined]
    alert.late = now > alert.due_at  # type: ignore[attr-defined]
    alert.late_by = summaries.since(alert.due_at, now)  # type: ignore[attr-defined]
    alert.mark = mark_of(  # type: ignore[attr-defined]
        alert.status, alert.owner_id, alert.ack_due_at, alert.late,  # type: ignore[attr-defined]
        alert.patient.full_name, alert.patient.phone,
        *alert.delivery_state.values(),  # type: ignore[attr-defined]
    )  # fmt: skip


def jobs_of(member: StaffMember, now: datetime) -> tuple[list[Job], bool]:
    """Return today's tasks, the most overdue first, and whether there are more."""
    stored = TASKS.all(clinic=member.clinic_id, until=look_ahead(member, now))
    jobs = [job_of_task(task, member, now) for task in stored[:TASKS_SHOWN]]
    more = len(stored) > TASKS_SHOWN
    found = seen(member, now)
    for kind in (*KINDS_SEEN, UNSIGNED):
        rows = [row for row in found if row["seen"] == kind]
        jobs += [job_seen(row, now) for row in rows[:SEEN_SHOWN]]
        more = more or len(rows) > SEEN_SHOWN
    return sorted(jobs, key=lambda job: (job.has_time, job.due_at)), more


TASKS: Final[Read[CareTask]] = Read(
    lambda clinic, until: (
        CareTask.objects.filter(clinic_id=clinic, due_at__lt=until)
        .open()
        .select_related("patient", "owner")
        .only(*TASK_COLUMNS)[: TASKS_SHOWN + 1]
    ),
    clinic=UUID,
    until=datetime,
)


def look_ahead(member: StaffMember, now: datetime) -> datetime:
    """Return until when a task is one of today's: the clinic's midnight, or the night shift's end.

    What is asked for late in the evening is due after midnight, and waits for nobody's morning.
    """
    tz = member.clinic.tz
    day: date = now.astimezone(tz).date() + timedelta(days=1)
    return max(datetime(day.year, day.month, day.day, tzinfo=tz), now + NIGHT_SHIFT)


def seen(member: StaffMember, now: datetime) -> list[dict[str, Any]]:
    """Return what the calendar knows and no task says, in one query.

    Silent patients, waiting steps, and plans with one signature of two.
    Of each kind one more than is shown, to know that there are more.
    """
    rows = SEEN.all(clinic=member.clinic_id, now=now, quiet=now - QUIET_AFTER_DONE)
    return [dict(zip(SEEN_COLUMNS, row, strict=True)) for row in rows]


def seen_rows(clinic: UUID, now: datetime, quiet: datetime) -> Any:
    """Return the query of `seen`; a patient who had a task since `quiet` is left out."""
    rows = PatientState.objects.filter(clinic_id=clinic)
    silent = unattended(rows.silent(now), CareTask.Kind.SILENT, quiet).annotate(
        since=F("silent_from")
    )
    waits = unattended(rows.waiting(), CareTask.Kind.STEP_REVIEW, quiet).annotate(
        since=F("decision_since")
    )
    unsigned = rows.unsigned().annotate(
        seen=Value(UNSIGNED, output_field=CharField()), since=F("second_since")
    )
    most = SEEN_SHOWN + 1
    kinds = (each.values_list(*SEEN_COLUMNS)[:most] for each in (waits, unsigned))
    return silent.values_list(*SEEN_COLUMNS)[:most].union(*kinds, all=True)


SEEN: Final = ReadRows(seen_rows, clinic=UUID, now=datetime, quiet=datetime)


def unattended(rows: Any, kind: str, quiet: datetime) -> Any:
    """Leave out patients with such a task, open or done a short while ago."""
    tasks = CareTask.objects.filter(patient_id=OuterRef("patient_id"), kind=kind).filter(
        Q(done_at__isnull=True) | Q(done_at__gt=quiet)
    )
    return rows.filter(~Exists(tasks)).annotate(seen=Value(kind, output_field=CharField()))


def job_of_task(task: CareTask, member: StaffMember, now: datetime) -> Job:
    """Return the line of a stored task."""
    return Job(
        key=f"task-{task.pk}",
        kind=task.kind,
        what=task.what,
        patient_id=task.patient_id,
        patient=task.patient.full_name,
        phone=task.patient.phone,
        due_at=task.due_at,
        overdue=task.is_overdue(now),
        owner=task.owner.full_name if task.owner else "",
        mine=task.owner_id == member.user_id,
        detail="",
        task_id=task.pk,
        owner_id=str(task.owner_id or ""),
    )


def job_seen(row: dict[str, Any], now: datetime) -> Job:
    """Return the line of something that only the calendar knows yet."""
    kind = row["seen"]
    return Job(
        key=f"{kind}-{row['patient_id']}",
        kind=kind,
        what=UNSIGNED_WORDS if kind == UNSIGNED else CareTask.Kind(kind).label,
        patient_id=row["patient_id"],
        patient=f"{row['patient__given_name']} {row['patient__family_name']}",
        phone=row["patient__phone"],
        due_at=row["since"],
        overdue=kind == CareTask.Kind.SILENT,
        owner="",
        mine=False,
        detail=row["blocked"] if kind == CareTask.Kind.STEP_REVIEW else "",
    )
