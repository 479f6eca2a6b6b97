"""Whether a benzodiazepine may be stopped without a taper, and by which path.

Never a decision: a prescriber documents the path that is open. Sources: ASAM-03,
ASAM-05 (guideline.md), NICE-01, FDA-01.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from apps.clinical.dependence import DependenceRisk
from apps.clinical.risk import RiskReason

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
