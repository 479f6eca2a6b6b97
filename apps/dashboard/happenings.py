"""The time line of one patient: everything that happened, in words, the newest first.

Pure functions over lines already fetched, and the page that holds all of them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from apps.alerts.states import AlertStatus
from apps.checkins.models import CareTask, CheckIn
from apps.clinical.triage import Level
from apps.dashboard.course import doses_by_day, steps_begun
from apps.dashboard.patient_history import Line, all_lines_of, plans_of
from apps.detox.models import CareAssessment, Discharge, Referral, Restart
from apps.patients.models import Patient, RiskBenefitReview, Section, StopDecision
from apps.tapers.models import TaperPlan
from apps.tapers.today import midnight

HELD_BY_A_REPORT: Final = "a check-in or an alert asked for it"
# What the reader may choose to see alone: the words, and the kinds of lines.
GROUPS: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "reports": ("Check-ins and alerts", frozenset({"check_in", "alert"})),
    "plan": ("Plan, steps, holds", frozenset({"version", "step", "hold", "left", "stop"})),
    "care": ("Care, units, use again",
             frozenset({"care_level", "referral", "home", "restart", "given_on"})),
    "work": ("Tasks and notes", frozenset({"task", "note"})),
    "record": ("Supply, reviews, intake",
               frozenset({"supply", "review", "pdmp", "intake", "start"})),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the time line, in words."""

    at: datetime
    kind: str
    icon: str
    words: str
    text: str = ""
    who: str = ""
    link: str = ""
    ref: Any = None


def history_of(patient: Patient, now: datetime, group: str = "") -> list[Happening]:
    """Return everything that ever happened, or one group of it. Some four queries."""
    lines, plans = all_lines_of(patient), plans_of(patient)
    holds = [line for line in lines if line.kind == "hold"]
    doses = doses_by_day(plans, holds, patient.tz, now.astimezone(patient.tz).date())
    found = happenings_of(lines, steps_begun(doses), patient)
    wanted = GROUPS[group][1] if group in GROUPS else None
    return [item for item in found if wanted is None or item.kind in wanted]


def happenings_of(
    lines: Iterable[Line], begun: Iterable[tuple[date, str]], patient: Patient
) -> list[Happening]:
    """Return lines and steps that began as a time line, the newest first."""
    found = [happening(line, patient) for line in lines]
    found += [Happening(midnight(day, patient.tz), "step", "plan", words) for day, words in begun]
    found.append(Happening(patient.registered_at, "start", "person", "Registered"))
    return sorted(found, key=lambda item: item.at, reverse=True)


def check_in_line(row: CheckIn) -> Line:
    """Return a check-in already fetched, with its triage, as a line."""
    score = "" if row.triage.dws is None else str(row.triage.dws)
    return Line(
        "check_in",
        row.pk,
        row.received_at,
        None,
        row.triage.level,
        score,
        row.arrival,
        row.reporter_name,
    )


def happening(line: Line, patient: Patient) -> Happening:
    """Return one line in words, with where it leads to."""
    icon, words, link, ref = WORDS[line.kind](line)
    text = line.text if line.kind in WITH_TEXT else ""
    if line.kind == "hold":
        text = text or HELD_BY_A_REPORT
    return Happening(
        line.at, line.kind, icon, words, text, line.who, link, patient.pk if ref is None else ref
    )


def alert_of(item: Happening) -> UUID | None:
    """Return the id of the alert that a line of the time line tells of, None for other lines."""
    return item.ref if item.kind == "alert" else None


def alerts_in(shown: Iterable[Happening]) -> list[UUID]:
    """Return the ids of the alerts on a page of the time line."""
    return [alert for alert in map(alert_of, shown) if alert is not None]


Words = tuple[str, str, str, Any]  # icon, words, page, and of what if not of the patient
WITH_TEXT: Final = frozenset(
    {"hold", "version", "note", "left", "supply", "review", "stop"} | GROUPS["care"][1]
)


def words_of_alert(line: Line) -> Words:
    """Return an alert with how far it came."""
    state = "closed" if line.word == AlertStatus.RESOLVED else line.word
    words = f"{line.what.capitalize()} alert {line.text}, {state}"
    return line.what, words, "dashboard:alert", line.ref


def words_of_hold(line: Line) -> Words:
    """Return a hold with its end."""
    ended = f", until {line.until:%-d %b %Y}" if line.until else ", still open"
    return "lock", f"Next cut held{ended}", "", None


def words_of_task(line: Line) -> Words:
    """Return a task with what came of it."""
    words = line.text or CareTask.Kind(line.what).label
    done = f": {CareTask.Outcome(line.word).label.lower()}" if line.word else ", open"
    return "phone", words + done, "checkins:task", line.ref


def words_of_check_in(line: Line) -> Words:
    """Return a check-in with its level and score."""
    whose = "Report of a trusted person" if line.who else "Check-in"
    level = "" if line.what == Level.NONE.value else f": {line.what}"
    score = f", score {line.word} of 40" if line.word else ""
    late = f". {CheckIn.Arrival(line.text).label}" if line.text else ""
    return line.what, f"{whose}{level}{score}{late}", "checkins:detail", line.ref


def words_of_left(line: Line) -> Words:
    """Return the end of a plan, or its way to a hospital."""
    went = "handed over to a hospital" if line.what == TaperPlan.Status.INPATIENT else "ended"
    return "plan", f"Plan {went}", "tapers:detail", line.ref


def words_of_supply(line: Line) -> Words:
    """Return what was handed out, or a record of it set right."""
    said = "Dispensing corrected" if line.word else "Handed out"
    return "supply", f"{said}: {line.what}", "checkins:supply", None


def words_of_review(line: Line) -> Words:
    """Return a risk-benefit review with what follows from it."""
    outcome = RiskBenefitReview.Outcome(line.what).label
    return (
        "shield",
        f"Risk-benefit review of {line.word}: {outcome.lower()}",
        "checkins:review",
        None,
    )


def words_of_intake(line: Line) -> Words:
    """Return a change of the intake."""
    return "person", f"Intake changed: {Section(line.what).label.lower()}", "patients:changes", None


def words_of_level(line: Line) -> Words:
    """Return an answered level of care."""
    decided = CareAssessment.Level(line.what).label
    return "shield", f"Level of care: {decided.lower()}", "detox:care", None


def words_of_referral(line: Line) -> Words:
    """Return one step of a referral, which it leads to."""
    status = Referral.Status(line.what).label
    return "people", f"Referral to {line.word}: {status.lower()}", "detox:referral", line.ref


def words_of_home(line: Line) -> Words:
    """Return a discharge with what the unit says is taken."""
    none = "none is taken any more, by its word"
    left = f"still takes {line.word}" if line.what == Discharge.Left.SOME else none
    return "person", f"Home from a unit: {left}", "detox:care", None


def words_of_restart(line: Line) -> Words:
    """Return use that began again, with what was agreed."""
    agreed = Restart.Next(line.what).label
    words = f"Taken again: {line.word.rstrip('.')}. Agreed: {agreed.lower()}"
    return "plan", words, "detox:care", None


def words_of_given_on(line: Line) -> Words:
    """Return a dose that another doctor gives on: who, and what."""
    return "people", f"Given on by another doctor, {line.word}: {line.what}", "detox:care", None


WORDS: Final[dict[str, Callable[[Line], Words]]] = {
    "alert": words_of_alert,
    "hold": words_of_hold,
    "task": words_of_task,
    "check_in": words_of_check_in,
    "left": words_of_left,
    "supply": words_of_supply,
    "review": words_of_review,
    "intake": words_of_intake,
    "care_level": words_of_level,
    "referral": words_of_referral,
    "home": words_of_home,
    "restart": words_of_restart,
    "given_on": words_of_given_on,
    "note": lambda line: ("plan", "Note", "", None),
    "version": lambda line: ("plan", f"Plan version {line.word} in force", "tapers:detail",
                             line.ref),
    "pdmp": lambda line: ("shield", f"PDMP checked on {line.what}", "", None),
    "stop": lambda line: ("plan", f"Decided: {StopDecision.Kind(line.what).label.lower()}",
                          "", None),
}  # fmt: skip
