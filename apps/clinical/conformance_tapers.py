"""Run the test vectors of the taper half: a function per kind of vector.

Each takes a whole vector and returns what this package answers, in the shape
of the vector's ``expected``.
"""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from apps.clinical.doses import plain
from apps.clinical.equivalence import diazepam_equivalents
from apps.clinical.errors import RequestError, shown
from apps.clinical.methods import (
    CKS_BANDS,
    CKS_FASTER_BANDS,
    PRESETS,
    Custom,
    dose_for_occupancy,
    micro_taper,
    occupancy,
)
from apps.clinical.pace import LOW_DOSE_FLOOR_MG, PacePoint, check_pace
from apps.clinical.plan import PlanRequest
from apps.clinical.schedules import Stage, published_schedule
from apps.clinical.stopping import stop_at_once
from apps.clinical.taper import build_plan

Vector = Mapping[str, Any]
# The published tables name drugs in short; each vector says by its input which it is,
# and the dose it begins at must be the schedule's own.
SCHEDULES = MappingProxyType(
    {
        "start_mg": "SC01",
        "start_alprazolam_mg": "SC02",
        "start_lorazepam_mg": "SC03",
        "start_clonazepam_mg": "SC04",
    }
)
MAUDSLEY_START_MG = Decimal(60)
ANY_DAY = date(2026, 1, 1)


def equivalence(vector: Vector) -> dict[str, Any]:
    """Return a dose as diazepam by every source, and the highest, which decides risk."""
    given = _input(vector, "drug", "mg_per_day")
    found = diazepam_equivalents(given["drug"], _decimal(given["mg_per_day"]))
    sources = ("vadod", "ashton_low", "ashton_high")
    values = {source: found.by_source.get(source) for source in sources}
    return {**values, "risk_value": found.highest}


def schedule(vector: Vector) -> list[dict[str, Any]]:
    """Return a published schedule as this engine makes it out of tablets."""
    given = _input(vector, *SCHEDULES)
    if given:
        ((key, start_mg),) = given.items()
        stages = published_schedule(SCHEDULES[key])
        _check_start(key, _decimal(start_mg), stages[0])
        return [_stage_row(stage) for stage in stages]
    if vector["id"] == "MA01":
        return _maudsley_a()
    # A table of printed doses with their occupancy: the doses are given, we answer the rest.
    doses = [_decimal(row["dose_mg"]) for row in vector["expected"]]
    return [{**row, **_point(mg)} for row, mg in zip(vector["expected"], doses, strict=True)]


def rule(vector: Vector) -> Any:
    """Return the CKS bands, or the micro-taper of the input."""
    given = _input(vector, "from_mg", "to_mg", "days")
    if given:
        day, dose = micro_taper(_decimal(given["from_mg"]), _decimal(given["to_mg"]), given["days"])
        return {"per_day_mg": day, "per_dose_bid_mg": dose}
    pairs = zip(CKS_BANDS.bands, CKS_FASTER_BANDS.bands, strict=True)
    return [
        {
            "from_mg": low.from_mg,
            "to_mg": low.to_mg,
            "step_mg_low": low.cut_mg,
            "step_mg_high": high.cut_mg,
        }
        for low, high in pairs
    ]


def formula(vector: Vector) -> list[Fraction]:
    """Return doses for occupancies, or occupancies for doses."""
    given = _input(vector, "occupancy_pct", "dose_mg")
    if "occupancy_pct" in given:
        return [dose_for_occupancy(_fraction(percent)) for percent in given["occupancy_pct"]]
    return [occupancy(_fraction(mg)) for mg in given["dose_mg"]]


def pace(vector: Vector) -> list[dict[str, Any]]:
    """Return the verdicts on the doses of the input, or on SC01 at so many days a stage."""
    given = _input(vector, "stage_days", "steps", "low_dose_floor_mg")
    if "stage_days" in given:
        stages = published_schedule("SC01")
        amounts = [*(stage.diazepam_mg for stage in stages), Fraction(0)]  # Then nothing.
        doses = [(number * given["stage_days"], mg) for number, mg in enumerate(amounts)]
    else:
        doses = [(step["day"], _fraction(step["dze_mg"])) for step in given["steps"]]
    floor = _fraction(given.get("low_dose_floor_mg", int(LOW_DOSE_FLOOR_MG)))
    found = check_pace([PacePoint(day, mg, mg) for day, mg in doses], low_dose_floor_mg=floor)
    return [
        {
            "day": result.day,
            "to_mg": mg,
            "step_pct": result.cut_pct,
            "pct_14d": result.fall_14d_pct,
            "verdict": result.verdict.value,
        }
        for result, (_, mg) in zip(found, doses[1:], strict=True)
    ]


def stop(vector: Vector) -> dict[str, Any]:
    """Return which step of the typed doses of one drug stops it at once, None for none."""
    given = _input(vector, "drug", "doses_mg", "days")
    doses = tuple(map(_decimal, given["doses_mg"]))
    request = PlanRequest(
        drug_id=given["drug"],
        slots=(("night", doses[0]),),
        method=Custom(doses[1:]),
        start_on=ANY_DAY,
        interval_days=given["days"],
        goal_mg=doses[-1],
    )
    return {"stops_at_step": stop_at_once(build_plan(request).steps)}


def _input(vector: Vector, *fields: str) -> Mapping[str, Any]:
    """Return a vector's input; raises RequestError for a field nothing would look at."""
    given: Mapping[str, Any] = vector["input"]
    unknown = [name for name in given if name not in fields]
    if unknown:
        raise RequestError(f"input: {shown(unknown[0])} is not a field of this kind of vector.")
    return given


def _check_start(key: str, start_mg: Decimal, first: Stage) -> None:
    """Raise RequestError where a schedule is not asked for from the dose it begins at."""
    named = key.removeprefix("start_").removesuffix("mg").rstrip("_") or "diazepam"
    mg = sum(
        (first.mg(slot, drug) for slot, drug in first.pieces if drug.partition("_")[0] == named),
        Decimal(0),
    )
    if start_mg != mg:
        raise RequestError(
            f"input: {key} takes {plain(mg)}, where that schedule begins, not {plain(start_mg)}."
        )


def _maudsley_a() -> list[dict[str, Any]]:
    preset = PRESETS["maudsley_a"]
    half = MAUDSLEY_START_MG / 2
    plan = build_plan(
        PlanRequest(
            drug_id="diazepam",
            slots=(("morning", half), ("night", half)),
            method=preset.method,
            start_on=ANY_DAY,
            interval_days=preset.interval_days,
        )
    )
    return [{"step": step.number, **_point(step.daily_mg)} for step in plan.steps]


def _point(mg: Decimal) -> dict[str, Any]:
    return {"dose_mg": mg, "occupancy_pct": occupancy(Fraction(mg))}


def _stage_row(stage: Stage) -> dict[str, Any]:
    doses = {
        f"{slot}_{drug.partition('_')[0]}_mg": stage.mg(slot, drug) for slot, drug in stage.pieces
    }
    return {
        "stage": stage.number,
        **doses,
        "total_mg": sum(doses.values(), Decimal(0)),
        "dze_ashton": stage.diazepam_mg,
        "weeks": stage.weeks,
    }


def _decimal(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise RequestError(f"vector: takes a number, not {shown(value)}.")
    return Decimal(value)


def _fraction(value: Any) -> Fraction:
    return Fraction(_decimal(value))


RUNNERS: Mapping[str, Callable[[Vector], Any]] = MappingProxyType(
    {
        "equivalence": equivalence,
        "published_schedule": schedule,
        "published_rule": rule,
        "formula": formula,
        "pace_check": pace,
        "stop_at_once": stop,
    }
)
