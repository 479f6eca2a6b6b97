"""Whether a benzodiazepine may be stopped without a taper, and by which path.

Never a decision: a prescriber documents the path that is open. Sources: ASAM-03,
ASAM-05 (guideline.md), NICE-01, FDA-01.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from apps.clinical.breaches import Judged
from apps.clinical.dependence import DependenceRisk
from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.pace import (
    LOW_DOSE_FLOOR_MG,
    LOW_DOSE_STEP_MG,
    USUAL_PCT,
    WINDOW_DAYS,
    Verdict,
)
from apps.clinical.risk import RiskReason

# All but one usual cut of ASAM-08.
NEARLY_ALL_PCT = 100 - USUAL_PCT
SOURCE = "ASAM 2025 rec 2, 2a, 2b, 3, 3a (ASAM-03, ASAM-05)"
REFUSED_BECAUSE = (
    "Physical dependence is likely. Stopping at once can cause withdrawal with seizures that "
    "threaten life, so the dose is tapered (ASAM-03)."
)
POSSIBLE_BECAUSE = (
    "Dependence is less likely but possible. Stopping at once is not offered; a short taper is "
    "(ASAM-05)."
)
UNLIKELY_BECAUSE = (
    "Dependence is unlikely at this frequency. Stopping or a short taper may be right when risks "
    "outweigh benefits; write down why, and what the patient was told (ASAM-05)."
)


class StopPath(StrEnum):
    """What may be offered instead of an ordinary taper."""

    REFUSED = "refused"
    SHORT_TAPER = "short_taper"
    STOP_OR_SHORT_TAPER = "stop_or_short_taper"


@dataclass(frozen=True, slots=True)
class StopVerdict:
    """The path that is open, and the reasons in sentences."""

    path: StopPath
    because: tuple[str, ...]
    source: str


def stop_verdict(
    dependence: DependenceRisk, present: Iterable[RiskReason], not_asked: Iterable[str]
) -> StopVerdict:
    """Return whether stopping without a taper may be documented.

    Refused when dependence is likely, when a risk factor that is absolute is present,
    and while one of those was not asked: not asked is never a no [proposal]. ``not_asked``
    are the names of such questions in words.
    """
    because = [REFUSED_BECAUSE] if dependence is DependenceRisk.YES else []
    because += [
        f"A factor of high seizure risk is present: {reason.note}."
        for reason in present
        if reason.points is None
    ]
    because += [f"Not asked yet: {words}." for words in not_asked]
    if because:
        return StopVerdict(StopPath.REFUSED, tuple(because), SOURCE)
    if dependence is DependenceRisk.LOWER:
        return StopVerdict(StopPath.SHORT_TAPER, (POSSIBLE_BECAUSE,), SOURCE)
    return StopVerdict(StopPath.STOP_OR_SHORT_TAPER, (UNLIKELY_BECAUSE,), SOURCE)


def stop_at_once(steps: Iterable[Judged], *, after: int = 0) -> int | None:
    """Return the number of a step beyond ``after`` that stops the medicine at once, None for none.

    A stop at once is a fall to nothing or near it that the pace rules block (ASAM-09), from
    a dose in the 14 days before that is above the low-dose floor of C-01 as diazepam, by the
    highest of all sources (C-06) [proposal]. Near nothing is what is left for the last jump:
    at most 1 mg of diazepam by the lowest source, from which C-01 lets a plan end, or at most
    one usual cut of 10 % (ASAM-08) of the dose of those 14 days [proposal]; whatever crumbs
    follow, they do not make a taper of it. A last step from a dose below that floor is a fall
    above the limit like any other: a reason and a second prescriber let it pass. So is a first
    step far below what was taken before the plan: that dose is taken already, no plan stops it,
    and who comes home on a crumb of it is not to be left without one [proposal].
    """
    before: list[Judged] = []
    for step in steps:
        is_later = step.number > after and bool(before)
        if is_later and step.verdict == Verdict.BLOCK and _is_near_nothing(step):
            earlier = _in_force(before, step.start_on)
            if any(_as_diazepam_mg(each.by_drug) > LOW_DOSE_FLOOR_MG for each in earlier):
                return step.number
        before.append(step)
    return None


def _is_near_nothing(step: Judged) -> bool:
    if step.fall_14d_pct >= NEARLY_ALL_PCT:
        return True
    left = (diazepam_equivalents(drug, mg).lowest for drug, mg in step.by_drug.items() if drug)
    return sum(left, Fraction(0)) <= LOW_DOSE_STEP_MG


def _in_force(before: list[Judged], day: date) -> list[Judged]:
    """Return the steps, at least one, of which a day lies within the 14 days before ``day``."""
    ends = [*(step.start_on for step in before[1:]), day]
    return [step for step, end in zip(before, ends, strict=True) if (day - end).days < WINDOW_DAYS]


def _as_diazepam_mg(by_drug: Mapping[str, Decimal]) -> Fraction:
    return sum(
        (diazepam_equivalents(drug, mg).highest for drug, mg in by_drug.items() if drug),
        Fraction(0),
    )
