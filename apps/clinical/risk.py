"""Baseline seizure-risk tier, with the reasons for it.

A proposal, not a validated model. It over-triages on purpose: the dose factors
use the largest diazepam equivalent of all sources. Source: risk_factors data
and triage.md section 4.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from apps.clinical.data_symptoms import rows_by
from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.errors import ClinicalError

FACTOR_TABLE = "risk_factors.csv"
ABSOLUTE = "absolute_high"
HIGH_POINTS = 5
MODERATE_POINTS = 3

SHORT_ACTING_AGENTS = frozenset(
    {"alprazolam_ir", "alprazolam_xr", "lorazepam_ir", "lorazepam_xr", "triazolam"}
)
ALPRAZOLAM = frozenset({"alprazolam_ir", "alprazolam_xr"})
# Counted instead of, not beside, the factor it names.
REPLACES = {"threshold_lowering_drug_2plus": "threshold_lowering_drug"}


class RiskError(ClinicalError):
    """A risk factor that is not in the table, or a value no patient can have."""


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What the seizure-risk tier is computed from. None and False add nothing.

    ``daily_mg`` is the daily dose of ``drug_id`` in mg. ``risk_value_dze_mg`` is
    its largest diazepam equivalent over all sources, in mg a day; left out, it
    is computed; given, it wins (several drugs, or a clinic that sets another
    system). ``use_months`` is the months of regular use; ``age`` in years;
    ``threshold_drugs`` how many listed threshold-lowering drugs are taken.
    """

    drug_id: str | None = None
    daily_mg: Decimal | None = None
    risk_value_dze_mg: Decimal | Fraction | int | None = None
    use_months: Decimal | int | None = None
    age: int | None = None
    threshold_drugs: int | None = None
    prior_wd_seizure: bool | None = None
    prior_wd_delirium_or_dt: bool | None = None
    epilepsy_or_other_seizure: bool | None = None
    abrupt_stop_now: bool | None = None
    active_heavy_alcohol: bool | None = None
    illicit_or_novel_bzd: bool | None = None
    flumazenil_or_rapid_detox: bool | None = None
    aud_history: bool | None = None
    other_sedative_dependence: bool | None = None
    cns_lesion_tbi_stroke: bool | None = None
    severe_liver_disease: bool | None = None
    prior_severe_withdrawal_no_seizure: bool | None = None
    electrolyte_or_eating_disorder: bool | None = None
    pace_over_25pct_2w: bool | None = None
    poor_adherence_or_erratic_dosing: bool | None = None
    pregnant: bool | None = None
    unstable_psychiatric: bool | None = None


@dataclass(frozen=True, slots=True)
class RiskReason:
    """One factor that is present. ``points`` is None for an absolute factor."""

    factor: str
    points: int | None
    note: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True)
class RiskResult:
    """Tier low, moderate or high; ``points`` is None when a factor is absolute."""

    tier: str
    points: int | None
    reasons: tuple[RiskReason, ...]


def seizure_risk_tier(facts: RiskFacts) -> RiskResult:
    """Return the tier with every factor that led to it.

    High is any absolute factor or 5 points, moderate 3 or 4, low less. The
    caller recomputes at each change of profile, drug or dose, and never lowers a
    stored tier while an alert is open. Source: triage.md section 4 [proposal].
    """
    return tier_from_factors(present_factors(facts))


def present_factors(facts: RiskFacts) -> tuple[str, ...]:
    """Return the ids of the risk factors present, in the order of the table."""
    measured = _dose_factors(facts) | _duration_factors(facts) | _person_factors(facts)
    ticked = {name for name in rows_by(FACTOR_TABLE, "factor") if getattr(facts, name, None)}
    return tuple(name for name in rows_by(FACTOR_TABLE, "factor") if name in measured | ticked)


def tier_from_factors(factors: Iterable[str]) -> RiskResult:
    """Return the tier of a list of factor ids.

    An id that is not in the table raises ``RiskError``.
    """
    table = rows_by(FACTOR_TABLE, "factor")
    present = set(factors)
    unknown = sorted(present.difference(table))
    if unknown:
        raise RiskError(f"There is no risk factor {unknown[0]!r}.")
    present -= {REPLACES[name] for name in present if name in REPLACES}
    reasons = tuple(_reason(name) for name in table if name in present)
    given = [reason.points for reason in reasons if reason.points is not None]
    if len(given) < len(reasons):  # an absolute factor has no points
        return RiskResult("high", None, reasons)
    points = sum(given)
    if points >= HIGH_POINTS:
        return RiskResult("high", points, reasons)
    return RiskResult("moderate" if points >= MODERATE_POINTS else "low", points, reasons)


def _reason(factor: str) -> RiskReason:
    row = rows_by(FACTOR_TABLE, "factor")[factor]
    points = None if row["type"] == ABSOLUTE else int(row["points"])
    return RiskReason(factor, points, row["note"], row["source"], row["evidence_mark"])


def _dose_factors(facts: RiskFacts) -> set[str]:
    found = set()
    value = _risk_value(facts)
    if value is not None and value > 50:
        found.add("dze_over_50")
    elif value is not None and value > 30:
        found.add("dze_30_to_50")
    elif value is not None and value > 15:
        found.add("dze_15_to_30")
    if facts.drug_id in ALPRAZOLAM and facts.daily_mg is not None and facts.daily_mg > 4:
        found.add("alprazolam_over_4mg")
    if facts.drug_id in SHORT_ACTING_AGENTS:
        found.add("short_half_life_agent")
    return found


def _risk_value(facts: RiskFacts) -> Decimal | Fraction | int | None:
    if facts.risk_value_dze_mg is not None or facts.drug_id is None or facts.daily_mg is None:
        return facts.risk_value_dze_mg
    return diazepam_equivalents(facts.drug_id, facts.daily_mg).highest


def _duration_factors(facts: RiskFacts) -> set[str]:
    months = facts.use_months
    if months is None or months < 3:
        return set()
    return {"use_over_12_months" if months > 12 else "use_3_to_12_months"}


def _person_factors(facts: RiskFacts) -> set[str]:
    found = set()
    if facts.age is not None and facts.age >= 65:
        found.add("age_65_plus")
    if facts.threshold_drugs:
        found.add(
            "threshold_lowering_drug_2plus"
            if facts.threshold_drugs > 1
            else "threshold_lowering_drug"
        )
    return found
