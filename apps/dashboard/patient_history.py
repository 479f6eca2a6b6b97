"""Everything that happened to one patient, read in as few queries as it takes.

Alerts, holds, tasks, notes, versions, what was handed out, reviews and changes of the intake
come in one, and so does all care around a unit: they are lines of the same time line.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import (
    BooleanField,
    CharField,
    DateTimeField,
    F,
    Func,
    TextField,
    UUIDField,
    Value,
)  # fmt: skip
from django.db.models.functions import Cast, Concat
from django.db.models.lookups import IsNull

from apps.alerts.models import Alert
from apps.checkins.models import CareTask, CheckIn
from apps.dashboard.models import PatientNote
from apps.database.statements import Read, ReadRows
from apps.detox.models import CareAssessment, Discharge, GivenOn, ReferralStep, Restart
from apps.patients.models import (
    IntakeEntry,
    Patient,
    PdmpCheck,
    RiskBenefitReview,
    StopDecision,
)  # fmt: skip
from apps.tapers.models import (
    Dispensing,
    Enactment,
    PlanHold,
    PlanVersion,
    TaperPlan,
    TaperStep,
    fetch_doses,
)  # fmt: skip

SHOWN_AT_MOST: Final = 600


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: what, when, until when, by whom, in which words."""

    kind: str
    ref: UUID
    at: datetime
    until: datetime | None
    what: str
    word: str
    text: str
    who: str


@dataclass(slots=True)
class Plans:
    """All plans of one patient with their versions and steps, from one query."""

    active: TaperPlan | None
    plans: list[TaperPlan]
    versions: list[PlanVersion]
    steps: dict[UUID, list[TaperStep]]


def lines_of(patient: Patient) -> list[Line]:
    """Return what happened beside check-ins, the newest first; what is open is always there.

    Beyond `SHOWN_AT_MOST` the oldest are left out: `all_lines_of` has them.
    """
    rows = LAST_LINES.all(patient=patient.pk)
    return sorted(as_lines(rows), key=lambda line: line.at, reverse=True)


def all_lines_of(patient: Patient) -> list[Line]:
    """Return everything, check-ins among it, the newest first. One query."""
    check_ins = shaped(
        CheckIn.as_given.filter(patient=patient), "check_in", "id", "received_at", None,
        F("triage__level"), F("triage__dws"), F("arrival"), "reporter_name",
    )  # fmt: skip
    rows = union_of(patient.pk).union(check_ins, all=True)
    return sorted(as_lines(rows), key=lambda line: line.at, reverse=True)


def as_lines(rows: Any) -> list[Line]:
    """Return fetched rows as lines."""
    return [Line(*row[:4], *(text or "" for text in row[4:8])) for row in rows]


def union_of(patient: UUID) -> Any:
    """Return all that happened beside check-ins, in the shape of lines, in no order."""
    first, *others = [*of_the_board(patient), *of_the_record(patient), *of_care(patient)]
    return first.union(*others, all=True)


LAST_LINES: Final = ReadRows(
    lambda patient: union_of(patient).order_by("-line_open", "-line_at")[:SHOWN_AT_MOST],
    patient=UUID,
)


def of_the_board(patient: UUID) -> list[Any]:
    """Return alerts, holds, tasks, notes, and versions put in force."""
    alerts = shaped(
        Alert.objects.filter(patient=patient), "alert", "id", "opened_at", "resolved_at",
        F("level"), F("status"), F("reference"), "owner__full_name",
    )  # fmt: skip
    holds = shaped(
        PlanHold.objects.filter(plan__patient=patient), "hold", "plan_id", "opened_at",
        "released_at", F("action"), Cast("held_step", CharField()), F("note"),
        "released_by__full_name",
    )  # fmt: skip
    tasks = shaped(
        CareTask.objects.filter(patient=patient), "task", "id", "created_at", "done_at",
        F("kind"), F("outcome"), F("title"), "owner__full_name",
    )  # fmt: skip
    notes = shaped(
        PatientNote.objects.filter(patient=patient), "note", "id", "written_at", None,
        Value("note"), Cast("corrects_id", CharField()), F("text"), "written_by__full_name",
    )  # fmt: skip
    versions = shaped(
        Enactment.objects.filter(version__plan__patient=patient), "version", "version__plan_id",
        "at", None, F("version__kind"), Cast("version__number", CharField()),
        F("version__reason"), "by__full_name",
    )  # fmt: skip
    return [alerts, holds, tasks, notes, versions]


def of_the_record(patient: UUID) -> list[Any]:
    """Return plans left, what was handed out, reviews, PDMP, and changes of the intake."""
    plans = TaperPlan.objects.filter(patient=patient, left_at__isnull=False)
    number = Func(F("quantity"), function="trim_scale")
    given = Concat(Cast(number, TextField()), Value(" × "), "product", Value(", on "),
                   day_words("dispensed_on"), output_field=TextField())  # fmt: skip
    checked = Concat(day_words("checked_on"), Value(", "), "checked_by__full_name",
                     output_field=TextField())  # fmt: skip
    return [
        shaped(plans, "left", "id", "left_at", None, F("status"), Value(""), F("left_reason"),
               "left_by__full_name"),
        shaped(Dispensing.objects.filter(patient=patient), "supply", "id", "recorded_at", None,
               given, F("corrects_id"), F("note"), "recorded_by__full_name"),
        shaped(RiskBenefitReview.objects.filter(patient=patient), "review", "id", "recorded_at",
               None, F("outcome"), day_words("reviewed_on"), F("note"),
               "recorded_by__full_name"),
        shaped(PdmpCheck.objects.filter(patient=patient), "pdmp", "id", "recorded_at", None,
               checked, Value(""), Value(""), "recorded_by__full_name"),
        shaped(IntakeEntry.objects.filter(patient=patient), "intake", "id", "saved_at", None,
               F("section"), F("number"), Value(""), "saved_by__full_name"),
        shaped(StopDecision.objects.filter(patient=patient), "stop", "id", "decided_at", None,
               F("kind"), Value(""), F("reason"), "decided_by__full_name"),
    ]  # fmt: skip


def of_care(patient: UUID) -> list[Any]:
    """Return levels of care, each step of a referral, discharges, restarts, doses given on."""
    steps = ReferralStep.objects.filter(referral__patient=patient)
    return [
        shaped(CareAssessment.objects.filter(patient=patient), "care_level", "id", "assessed_at",
               None, F("decided"), Value(""), F("sign_off"), "assessed_by__full_name"),
        shaped(steps, "referral", "referral_id", "at", None, F("status"),
               F("referral__facility__name"), F("note"), "by__full_name"),
        shaped(Discharge.objects.filter(patient=patient), "home", "id", "recorded_at", None,
               F("left"), F("taken"), F("summary"), "recorded_by__full_name"),
        shaped(Restart.objects.filter(patient=patient), "restart", "id", "recorded_at", None,
               F("agreed"), F("taken"), F("plan"), "recorded_by__full_name"),
        shaped(GivenOn.objects.filter(patient=patient), "given_on", "id", "recorded_at", None,
               F("taken"), F("prescriber"), F("agreed"), "recorded_by__full_name"),
    ]  # fmt: skip


def day_words(field: str) -> Any:
    """Return a day in words, worked out by PostgreSQL."""
    return Func(F(field), Value("FMDD Mon YYYY"), function="to_char", output_field=TextField())


def shaped(
    rows: Any, kind: str, ref: str, at: str, until: str | None, what: Any, word: Any, text: Any,
    who: str,
) -> Any:  # fmt: skip
    """Return rows of any table in the shape of a line."""
    nothing = Value(None, output_field=DateTimeField())
    columns = {
        "line_kind": Value(kind, output_field=CharField()),
        "line_ref": Cast(F(ref), UUIDField()),
        "line_at": F(at),
        "line_until": F(until) if until else nothing,
        "line_what": Cast(what, TextField()),
        "line_word": Cast(word, TextField()),
        "line_text": Cast(text, TextField()),
        "line_who": Cast(F(who), TextField()),
        "line_open": IsNull(F(until), True) if until else Value(False, output_field=BooleanField()),
    }
    return rows.order_by().annotate(**columns).values_list(*columns)


ALL_STEPS: Final[Read[TaperStep]] = Read(
    lambda patient: (
        TaperStep.objects.filter(version__plan__patient=patient)
        .select_related("version__plan__in_force", "version__enactment")
        .order_by("number")
    ),
    patient=UUID,
)


def plans_of(patient: Patient) -> Plans:
    """Return the patient's plans; the newest first."""
    plans: dict[UUID, TaperPlan] = {}
    versions: dict[UUID, PlanVersion] = {}
    steps: dict[UUID, list[TaperStep]] = defaultdict(list)
    for step in ALL_STEPS.all(patient=patient.pk):
        plan = plans.setdefault(step.version.plan_id, step.version.plan)
        plan.patient = patient
        versions.setdefault(step.version_id, step.version)
        step.version = versions[step.version_id]
        steps[step.version_id].append(step)
    fetch_doses(step for rows_of_version in steps.values() for step in rows_of_version)
    ordered = sorted(plans.values(), key=lambda plan: plan.created_at, reverse=True)
    active = next((plan for plan in ordered if plan.status == TaperPlan.Status.ACTIVE), None)
    return Plans(active, ordered, sorted(versions.values(), key=lambda v: v.created_at), steps)
