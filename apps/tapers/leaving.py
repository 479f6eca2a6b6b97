"""What apps above have to say before a plan starts, and before one left for a hospital ends.

They register at start, as the gates of a reduction do (ADR 8): the plan asks, without
knowing who answers.
"""

from collections.abc import Callable
from datetime import datetime

from apps.patients.models import Patient
from apps.tapers.models import TaperPlan

# Asked with the patient and the moment of a first signature; why not, or nothing.
StartGuard = Callable[[Patient, datetime], str]
# Asked with a plan that was left for a hospital; why it may not end yet, or nothing.
EndGuard = Callable[[TaperPlan], str]
START_GUARDS: list[StartGuard] = []
END_GUARDS: list[EndGuard] = []


def register_start_guard(guard: StartGuard) -> None:
    """Ask this guard, too, before a plan starts. Registering twice is once."""
    if guard not in START_GUARDS:
        START_GUARDS.append(guard)


def register_end_guard(guard: EndGuard) -> None:
    """Ask this guard, too, before a plan left for a hospital ends. Registering twice is once."""
    if guard not in END_GUARDS:
        END_GUARDS.append(guard)


def why_not_start(patient: Patient, now: datetime) -> str:
    """Return the first reason against starting a plan, empty when there is none."""
    return next((why for guard in START_GUARDS if (why := guard(patient, now))), "")


def why_not_end(plan: TaperPlan) -> str:
    """Return the first reason against ending a plan left for a hospital, empty for none."""
    return next((why for guard in END_GUARDS if (why := guard(plan))), "")
