"""What triage has to know about a patient besides today's answers.

``Profile`` changes rarely (intake, plan); ``Context`` is measured by the caller
at the moment of the check-in. None always means "not known".
"""

from dataclasses import dataclass
from decimal import Decimal

from apps.clinical.errors import ClinicalError

TIERS = ("low", "moderate", "high")
HALF_LIFE_CLASSES = ("short", "intermediate", "long")
# ASAM recommendation 1 and 16: reassess at least every three months. A clinic
# may set less for opioids or substance use disorder, never more.
RB_REVIEW_DAYS = 90

Hours = int | float | Decimal


class ProfileError(ClinicalError):
    """A profile or context value that no rule could understand."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Facts about the patient that change how an answer is read.

    ``hl_class`` is the half-life class of the CURRENT main drug (short,
    intermediate, long; drugs data). ``tier`` is the seizure-risk tier of
    ``apps.clinical.risk``. ``age`` is in years. Source: triage.md section 3.
    """

    tier: str | None = None
    hl_class: str | None = None
    epilepsy: bool | None = None
    prior_wd_seizure: bool | None = None
    chronic_halluc: bool | None = None
    psychotic_or_bipolar: bool | None = None
    aud: bool | None = None
    anticoagulant: bool | None = None
    liver_disease: bool | None = None
    opioid_rx: bool | None = None
    naloxone_on_file: bool | None = None
    age: int | None = None
    pregnancy_known: bool | None = None

    def __post_init__(self) -> None:
        """Refuse a tier or class that no rule knows: it would silently never fire."""
        _one_of("tier", self.tier, TIERS)
        _one_of("hl_class", self.hl_class, HALF_LIFE_CLASSES)


@dataclass(frozen=True, slots=True)
class CheckInSummary:
    """What the trend rules need of one earlier check-in.

    ``dws`` is its daily withdrawal score (0-40), None if it was not complete;
    ``s_sleep`` its sleep answer (0-4). Without ``may_calm`` (it came too late, or by a link
    used too often) no trend may end because of it.
    """

    dws: int | None = None
    s_sleep: int | None = None
    may_calm: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """Facts about time and plan at the moment of a check-in.

    Days and hours are counted by the caller (this package has no clock).
    ``history`` holds earlier check-ins, newest last, today's not included.
    ``baseline_dws`` is ``scoring.baseline`` of the days before the step.
    ``hours_since_checkin`` stays None while a check-in is being assessed; only
    the silence job sets it. ``planned_daily_mg`` is in mg of the drug the
    patient reports on. ``liquid_mg_per_ml`` holds each strength of the liquids that the
    plan gives on that day, empty where it gives none or nobody knows; ``planned_solid_mg``
    is what it gives beside them.
    """

    days_since_step: int | None = None
    days_since_conversion: int | None = None
    days_since_stop: int | None = None
    days_since_rb_review: int | None = None
    rb_review_limit_days: int = RB_REVIEW_DAYS
    hours_since_checkin: Hours | None = None
    planned_daily_mg: Decimal | None = None
    liquid_mg_per_ml: tuple[Decimal, ...] = ()
    planned_solid_mg: Decimal = Decimal(0)
    baseline_dws: Decimal | int | None = None
    history: tuple[CheckInSummary, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a review interval longer than the guideline allows."""
        if not 0 < self.rb_review_limit_days <= RB_REVIEW_DAYS:
            raise ProfileError(f"rb_review_limit_days must be from 1 to {RB_REVIEW_DAYS}.")


def _one_of(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ProfileError(f"{name} must be one of {', '.join(allowed)}, not {value!r}.")
