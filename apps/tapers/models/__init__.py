"""Plans, versions, steps, holds and signatures, each noun in its own module."""

from apps.tapers.models.formulary import FormularyChange, FormularyItem
from apps.tapers.models.holds import NOT_UNLOCKED, SOURCE_CLOCK, PlanHold
from apps.tapers.models.plan import (
    Enactment,
    PlanVersion,
    SlotPiece,
    TaperPlan,
    TaperStep,
    fetch_doses,
)
from apps.tapers.models.signing import Agreement, Signature, SpecialistSignOff
from apps.tapers.models.supply import Dispensing, RunOut

__all__ = [
    "NOT_UNLOCKED",
    "SOURCE_CLOCK",
    "Agreement",
    "Dispensing",
    "Enactment",
    "FormularyChange",
    "FormularyItem",
    "PlanHold",
    "PlanVersion",
    "RunOut",
    "Signature",
    "SlotPiece",
    "SpecialistSignOff",
    "TaperPlan",
    "TaperStep",
    "fetch_doses",
]
