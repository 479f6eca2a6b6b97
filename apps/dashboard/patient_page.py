"""What the patient's page shows, from twelve queries in all. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, prefetch_related_objects
from django.db.models.functions import JSONObject

from apps.alerts.states import AlertStatus
from apps.checkins.as_given import answer_rows
from apps.checkins.models import CareTask, CheckIn, Reminder, StandingDuty
from apps.clinical.drugs import get_drug
from apps.dashboard import course
from apps.dashboard.patient_history import Line, Plans, lines_of, plans_of
from apps.patients.models import Patient
from apps.tapers.models import PlanHold, RunOut
from apps.tapers.today import Today, unlocked_step

CHECK_INS_AT_MOST: Final = 800
ANSWERED_SHOWN: Final = 8
TIMELINE_SHOWN: Final = 12
HELD_BY_A_REPORT: Final = "a check-in or an alert asked for it"


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the page's time line, in words."""

    at: datetime
    kind: str
    icon: str
    words: str
    text: str = ""
    who: str = ""
    link: str = ""
    ref: Any = None


def rows() -> QuerySet[Patient]:
    """Return patients with all that is one row or a short list of theirs, in one query."""
    supply = RunOut.objects.filter(patient=OuterRef("pk")).order_by("product")
    duties = StandingDuty.objects.in_force().filter(patient=OuterRef("pk"))
    missed = Reminder.objects.filter(patient=OuterRef("pk"), state=Reminder.State.MISSED)
    return Patient.objects.select_related(
        "medication", "risk", "clinic", "state", "review_clock"
    ).annotate(
        supply=ArraySubquery(
            supply.values(json=JSONObject(product="product", left="left", on="run_out_on"))
        ),
        duties=ArraySubquery(
            duties.values(
                json=JSONObject(name="order__name", who="owner__user__full_name")
            )
        ),
        missed=ArraySubquery(missed.values("due_at")),
    )  # fmt: skip


def page_of(patient: Patient, now: datetime, weeks: int | None) -> dict[str, Any]:
    """Return the context of the page, the course drawn for so many weeks back."""
    plans, lines = plans_of(patient), lines_of(patient)
    check_ins = check_ins_of(patient, now, weeks)
    today = today_from_lines(plans, lines, now)
    if today is not None:
        prefetch_related_objects(today.steps, "pieces")
    day = now.astimezone(patient.tz).date()
    notes = [line for line in lines if line.kind == "note"]
    corrected = {line.word for line in notes if line.word}
    happenings, missed = timeline(lines, check_ins, patient), days_missed(patient)
    return {
        "patient": patient,
        "age": patient.age_on(now.date()),
        "medication": patient.medication,
        "drug": get_drug(patient.medication.drug_id),
        "risk": patient.risk,
        "plan_summary": summary_of(today),
        "today": today,
        "plans": plans.plans,
        "versions": [line for line in lines if line.kind == "version"],
        "check_ins": check_ins[:ANSWERED_SHOWN],
        "answered": [
            {"row": row, "answers": answer_rows(row)} for row in check_ins[:ANSWERED_SHOWN]
        ],
        "more_check_ins": check_ins[ANSWERED_SHOWN:],
        "open_alerts": open_lines(lines, "alert"),
        "open_tasks": [
            (line, CareTask.Kind(line.what).label) for line in open_lines(lines, "task")
        ],
        "alert_lines": [line for line in lines if line.kind == "alert"][:20],
        "notes": [(line, str(line.ref) in corrected) for line in notes],
        "happenings": happenings[:TIMELINE_SHOWN],
        "earlier": happenings[TIMELINE_SHOWN:],
        "course": course.course_of(plans, lines, check_ins, day, patient.tz, weeks, missed),
        "weeks": weeks,
        "ranges": [(key, f"{value} weeks") for key, value in course.WEEKS.items()],
        "state": getattr(patient, "state", None),
        "now": now,
    }


def days_missed(patient: Patient) -> list[date]:
    """Return the patient's days on which a check-in was due and did not come."""
    missed: list[datetime] = patient.missed  # type: ignore[attr-defined]  # see rows()
    return sorted({due_at.astimezone(patient.tz).date() for due_at in missed})


def check_ins_of(patient: Patient, now: datetime, weeks: int | None) -> list[CheckIn]:
    """Return the check-ins of the time that is drawn, the newest first."""
    rows = patient.check_ins.select_related("triage").order_by("-received_at")
    if weeks is not None:
        rows = rows.filter(received_at__gte=now - timedelta(weeks=weeks))
    return list(rows[:CHECK_INS_AT_MOST])


def open_lines(lines: Sequence[Line], kind: str) -> list[Line]:
    """Return what nobody has ended yet."""
    return [line for line in lines if line.kind == kind and line.until is None]


def today_from_lines(plans: Plans, lines: Sequence[Line], now: datetime) -> Today | None:
    """Return what `plan_today` returns, from rows already fetched."""
    plan = plans.active
    if plan is None or plan.in_force is None:
        return None
    holds = [
        PlanHold(plan=plan, held_step=int(line.word), note=line.text, opened_at=line.at)
        for line in reversed(open_lines(lines, "hold"))
        if line.ref == plan.pk
    ]
    steps = plans.steps[plan.in_force_id]
    day = now.astimezone(plan.patient.tz).date()
    step, locked = unlocked_step(plan, steps, holds, day)
    return Today(day, plan, plan.in_force, steps, step, holds, locked)


def summary_of(today: Today | None) -> dict[str, Any] | None:
    """Return the active plan as its part of the page shows it."""
    if today is None:
        return None
    return {
        "plan": today.plan, "version": today.version,
        "drug": get_drug(today.drug_id).name, "current": today.step,
        "next": today.next, "held": today.is_locked, "holds": today.holds,
        "locked_because": today.locked_because, "steps": today.steps,
    }  # fmt: skip


def timeline(
    lines: Sequence[Line], check_ins: Sequence[CheckIn], patient: Patient
) -> list[Happening]:
    """Return everything that happened, the newest first."""
    found = [happening(line) for line in lines if line.kind != "note"]
    found += [
        Happening(line.at, "note", "plan", "Note", text=line.text, who=line.who)
        for line in lines
        if line.kind == "note"
    ]
    found += [
        Happening(
            row.received_at, "check_in", row.triage.level,
            f"Check-in: {row.triage.level}"
            + (f", score {row.triage.dws} of 40" if row.triage.dws is not None else ""),
        )
        for row in check_ins
    ]  # fmt: skip
    found.append(Happening(patient.registered_at, "start", "person", "Registered"))
    return sorted(found, key=lambda item: item.at, reverse=True)


def happening(line: Line) -> Happening:
    """Return one line of an alert, a hold, a task or a version in words."""
    if line.kind == "alert":
        state = "closed" if line.word == AlertStatus.RESOLVED else line.word
        words = f"{line.what.capitalize()} alert {line.text}, {state}"
        return Happening(
            line.at, "alert", line.what, words, who=line.who, link="alert", ref=line.ref
        )
    if line.kind == "hold":
        ended = f", until {line.until:%-d %b %Y}" if line.until else ", still open"
        words = f"Next cut held{ended}"
        return Happening(line.at, "hold", "lock", words, text=line.text or HELD_BY_A_REPORT)
    if line.kind == "task":
        words = line.text or CareTask.Kind(line.what).label
        done = f": {CareTask.Outcome(line.word).label.lower()}" if line.word else ", open"
        return Happening(
            line.at, "task", "phone", words + done, who=line.who, link="task", ref=line.ref
        )
    words = f"Plan version {line.word} in force"
    return Happening(
        line.at, "version", "plan", words, text=line.text, who=line.who, link="plan", ref=line.ref
    )
