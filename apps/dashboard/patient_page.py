"""What the patient's page shows, from twelve queries in all. Reads only."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet, Subquery, Value, prefetch_related_objects
from django.db.models.functions import Coalesce, JSONObject, Least

from apps.checkins.as_given import answer_rows
from apps.checkins.models import CareTask, CheckIn, Reminder, StandingDuty
from apps.checkins.no_mail import no_mail_to_mend, why_no_mail
from apps.clinical.drugs import get_drug
from apps.dashboard import course
from apps.dashboard.happenings import check_in_line, happenings_of
from apps.dashboard.models import NEVER
from apps.dashboard.patient_history import SHOWN_AT_MOST, Line, Plans, lines_of, plans_of
from apps.database.statements import Read
from apps.patients.models import Patient
from apps.tapers.models import PlanHold, RunOut
from apps.tapers.today import Today, unlocked_step

CHECK_INS_AT_MOST: Final = 800
ANSWERED_SHOWN: Final = 8
TIMELINE_SHOWN: Final = 12
KEPT_SHOWN: Final = 5


def rows() -> QuerySet[Patient]:
    """Return patients with all that is one row or a short list of theirs, in one query."""
    supply = RunOut.objects.filter(patient=OuterRef("pk")).order_by("product")
    duties = StandingDuty.objects.in_force().filter(patient=OuterRef("pk"))
    missed = Reminder.objects.filter(patient=OuterRef("pk"), state=Reminder.State.MISSED)
    kept = CheckIn.as_given.filter(patient=OuterRef("pk"), counts=False).order_by("-received_at")
    return Patient.objects.select_related(
        "medication", "risk", "clinic", "state", "review_clock", "check_in_schedule"
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
        only_kept=ArraySubquery(
            kept.values(json=JSONObject(key="pk", at="received_at", arrival="arrival"))[:KEPT_SHOWN]
        ),
    )  # fmt: skip


def page_of(patient: Patient, now: datetime, weeks: int | None) -> dict[str, Any]:
    """Return the context of the page, the course drawn for so many weeks back."""
    plans, lines = plans_of(patient), lines_of(patient)
    heard = check_ins_of(patient, now, weeks)
    since = now - timedelta(weeks=weeks) if weeks else None
    check_ins = [row for row in heard if since is None or row.received_at >= since]
    today = today_from_lines(plans, lines, now)
    if today is not None:
        prefetch_related_objects(today.steps, "pieces")
    day = now.astimezone(patient.tz).date()
    missed = days_missed(patient)
    drawn = course.course_of(plans, lines, check_ins, day, patient.tz, weeks, missed)
    told = [*lines, *(check_in_line(row) for row in heard)]
    happenings = happenings_of(told, drawn.begun if drawn else [], patient)
    return {
        "patient": patient,
        "age": patient.age_on(now.date()),
        "medication": patient.medication,
        "drug": get_drug(patient.medication.drug_id),
        "risk": patient.risk,
        "plan_summary": summary_of(today),
        "today": today,
        "plans": plans.plans,
        **parts_of(lines),
        "check_ins": check_ins[:ANSWERED_SHOWN],
        "answered": [
            {"row": row, "answers": answer_rows(row)} for row in check_ins[:ANSWERED_SHOWN]
        ],
        "more_check_ins": check_ins[ANSWERED_SHOWN:],
        "only_kept": only_kept_of(patient),
        "no_mail": why_no_mail(patient),
        "no_mail_to_mend": no_mail_to_mend(patient),
        "happenings": happenings[:TIMELINE_SHOWN],
        "has_older": len(lines) >= SHOWN_AT_MOST,
        "course": drawn,
        "weeks": weeks,
        "ranges": [(key, f"{value} weeks") for key, value in course.WEEKS.items()],
        "state": getattr(patient, "state", None),
        "now": now,
    }


def parts_of(lines: Sequence[Line]) -> dict[str, Any]:
    """Return the lists of the page that are lines of one kind."""
    notes = [line for line in lines if line.kind == "note"]
    corrected = {line.word for line in notes if line.word}
    return {
        "versions": [line for line in lines if line.kind == "version"],
        "open_alerts": open_lines(lines, "alert"),
        "open_tasks": [
            (line, CareTask.Kind(line.what).label) for line in open_lines(lines, "task")
        ],
        "alert_lines": [line for line in lines if line.kind == "alert"][:20],
        "notes": [(line, str(line.ref) in corrected) for line in notes],
    }


def days_missed(patient: Patient) -> list[date]:
    """Return the patient's days on which a check-in was due and did not come."""
    missed: list[datetime] = patient.missed  # type: ignore[attr-defined]  # see rows()
    return sorted({due_at.astimezone(patient.tz).date() for due_at in missed})


def check_ins_of(patient: Patient, now: datetime, weeks: int | None) -> list[CheckIn]:
    """Return the check-ins of the time that is drawn, the newest first, and the last few."""
    if weeks is None:
        return ALL_CHECK_INS.all(patient=patient.pk)
    return CHECK_INS_SINCE.all(patient=patient.pk, since=now - timedelta(weeks=weeks))


def only_kept_of(patient: Patient) -> list[dict[str, Any]]:
    """Return the last check-ins that are only kept: when they reached us, why they do not count."""
    found: list[dict[str, str]] = patient.only_kept  # type: ignore[attr-defined]  # see rows()
    return [
        {
            "pk": each["key"],
            "received_at": datetime.fromisoformat(each["at"]),
            "why": CheckIn.Arrival(each["arrival"]).label,
        }
        for each in found
    ]


def check_ins_since(patient: UUID, since: datetime) -> QuerySet[CheckIn]:
    """Return a patient's check-ins since a moment, and the last few whenever they were."""
    rows = CheckIn.objects.filter(patient_id=patient).order_by("-received_at")
    last_few = rows.values("received_at")[TIMELINE_SHOWN - 1 : TIMELINE_SHOWN]
    # One stretch of one index; all of them where there are only a few.
    begin = Least(Value(since), Coalesce(Subquery(last_few), Value(NEVER)))
    return rows.filter(received_at__gte=begin).select_related("triage")[:CHECK_INS_AT_MOST]


CHECK_INS_SINCE: Final[Read[CheckIn]] = Read(check_ins_since, patient=UUID, since=datetime)
ALL_CHECK_INS: Final[Read[CheckIn]] = Read(
    lambda patient: (
        CheckIn.objects.filter(patient_id=patient)
        .order_by("-received_at")
        .select_related("triage")[:CHECK_INS_AT_MOST]
    ),
    patient=UUID,
)


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
    steps = plans.steps[plan.in_force.pk]
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
