"""A plan's method in a sentence for staff. Pure."""

from typing import Any

from apps.clinical.drugs import get_drug
from apps.clinical.methods import PRESETS


def method_words(request: dict[str, Any]) -> str:
    """Return how a request lowers the dose, such as "10 % of the current dose every 14 days"."""
    days = request.get("interval_days")
    every = f" every {days} days" if days else ""
    return taper_words(request["method"]) + every


def taper_words(method: dict[str, Any]) -> str:
    """Return a method without its interval; a switch with what follows it."""
    kind = method["kind"]
    if kind == "switch":
        name = get_drug(method["to_drug"]).name
        return f"a switch to {name}, then {taper_words(method['then'])}"
    if kind == "preset":
        return PRESETS[method["name"]].label
    if kind == "percent_of_current":
        return f"{method['percent']} % of the current dose"
    if kind == "percent_of_start":
        return f"{method['percent']} % of the first dose"
    if kind == "fixed_mg":
        return f"{method['mg']} mg"
    if kind == "hyperbolic":
        return f"{method['steps']} equal steps of occupancy (hyperbolic)"
    return "doses chosen step by step"
