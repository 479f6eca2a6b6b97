"""Run the test vectors of the symptom half: a function per kind of vector.

Each takes the vector's input and returns what this package answers, in the
shape of the vector's ``expected``; ``apps.clinical.conformance`` compares them.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from apps.clinical import scoring
from apps.clinical.dependence import asam_dependence, dose_band, dose_band_of_dze
from apps.clinical.profile import CheckInSummary, Context, Profile
from apps.clinical.risk import tier_from_factors
from apps.clinical.triage import assess

# What a triage vector leaves out: the defaults its file states.
TRIAGE_DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "dose_taken": "yes_all",
        "seizure": "no",
        **dict.fromkeys(scoring.DWS_KEYS, 0),
        "red_flags": ("none",),
        "alcohol_drinks": 0,
        "other_drugs": "none",
        "si": "no",
        "si_now": False,
        "asq_now": False,
        "asq_any": False,
        "pregnancy": "na",
        "tier": "low",
        "hl_class": "long",
        "age": 45,
        "days_since_rb_review": 10,
        "hours_since_checkin": 0,
    }
)
_PROFILE = {each.name for each in fields(Profile)}
_CONTEXT = {each.name for each in fields(Context)}


def triage(given: dict[str, Any]) -> dict[str, Any]:
    """Return level and fired rules of a check-in.

    ``must_fire`` repeats them all: the vector names the ones that matter.
    """
    values = {**TRIAGE_DEFAULTS, **given["non_default_fields"]}
    history = tuple(_summary(each) for each in values.pop("history", ()))
    baseline = values.pop("baseline", None)
    result = assess(
        {key: value for key, value in values.items() if key not in _PROFILE | _CONTEXT},
        Profile(**{key: value for key, value in values.items() if key in _PROFILE}),
        Context(
            **{key: value for key, value in values.items() if key in _CONTEXT},
            history=history,
            baseline_dws=baseline,
        ),
    )
    fired = [each.rule_id for each in result.fired]
    return {"level": result.level.value, "must_fire": fired, "all_fired": fired}


def seizure_risk_tier(given: dict[str, Any]) -> dict[str, Any]:
    """Return tier and points of a list of risk factors."""
    result = tier_from_factors(given["factors"])
    return {"tier": result.tier, "points": result.points}


def asam_table2(given: dict[str, Any]) -> dict[str, Any]:
    """Return dependence risk and dose band of a diazepam-equivalent dose."""
    band = dose_band_of_dze(_decimal(given["dze_mg"]))
    found = asam_dependence(
        _decimal(given["duration_months"]), _decimal(given["days_per_week"]), band
    )
    return {"dependence_risk": found.risk.value, "dose_band": band.value}


def asam_dose_band(given: dict[str, Any]) -> dict[str, Any]:
    """Return the dose band of a drug's daily dose."""
    return {"dose_band": dose_band(given["drug"], _decimal(given["mg_per_day"])).value}


def ciwa_b(given: dict[str, Any]) -> dict[str, Any]:
    """Return total and band of twenty CIWA-B anchors."""
    score = scoring.ciwa_b(given["raw_anchor_left_to_right"])
    return {"total": score.total, "band": score.band}


RUNNERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "triage": triage,
    "seizure_risk_tier": seizure_risk_tier,
    "asam_table2": asam_table2,
    "asam_dose_band": asam_dose_band,
    "ciwa_b": ciwa_b,
}


def _summary(raw: Any) -> CheckInSummary:
    return CheckInSummary(**raw) if isinstance(raw, dict) else CheckInSummary(dws=raw)


def _decimal(raw: Any) -> Decimal:
    return Decimal(str(raw))
