"""Short and long words for tablets on papers. Pure; the language is the active one."""

from decimal import Decimal
from typing import Final

from apps.clinical.products import Form
from apps.tapers.schedule import ScheduleStep, SlotDose
from apps.tapers.tablets import Portion


def whole(part: Portion) -> str:
    """Return "1½ × clonazepam 0.5 mg tablet", or "0.4 mL (lorazepam 2 mg/mL)"."""
    if part.form is Form.LIQUID:
        return short(part, with_names=True)
    return f"{part.count} × {part.product}"


def short(part: Portion, *, with_names: bool) -> str:
    """Return "1½ × 0.5 mg", "1½ × clonazepam 0.5 mg", or "0.4 mL (5 mg/mL)"."""
    name = f"{part.drug} " if with_names else ""
    if part.form is Form.LIQUID:
        return f"{part.count} mL ({name}{part.strength})"
    return f"{part.count} × {name}{part.strength}"


def slot_line(slot: SlotDose, *, with_names: bool) -> str:
    """Return a time of day with what is taken then."""
    parts = " + ".join(short(part, with_names=with_names) for part in slot.portions)
    return f"{slot.name} {parts}"


def slots_line(step: ScheduleStep, *, with_names: bool) -> str:
    """Return a whole day in one line."""
    return "; ".join(slot_line(slot, with_names=with_names) for slot in step.slots)


def products_line(step: ScheduleStep) -> str:
    """Return a whole day in one line, each product as its box names it."""
    return "; ".join(
        f"{slot.name} {' + '.join(whole(part) for part in slot.portions)}" for slot in step.slots
    )


# --- The sig: English, for the pharmacy, numbers written out -------------------------------------

UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
)  # fmt: skip
FRACTION_WORDS: Final = {
    Decimal("0.25"): "one-quarter", Decimal("0.5"): "one-half", Decimal("0.75"): "three-quarters",
}  # fmt: skip
WHEN: Final = {
    "morning": "in the morning", "noon": "at noon", "midday": "at midday",
    "afternoon": "in the afternoon", "evening": "in the evening", "bedtime": "at bedtime",
    "night": "at night",
}  # fmt: skip
UNIT_NAMES: Final = {
    Form.TABLET: "tablet", Form.ODT: "orally disintegrating tablet", Form.FILM: "film",
    Form.SUBLINGUAL: "sublingual tablet", Form.CAPSULE: "capsule",
    Form.XR_TABLET: "extended-release tablet", Form.XR_CAPSULE: "extended-release capsule",
}  # fmt: skip


def in_words(quantity: Decimal) -> str:
    """Return a number of pieces written out: 1.5 is "one and one-half"."""
    whole, rest = divmod(quantity, 1)
    if whole >= len(UNITS) or (rest and rest not in FRACTION_WORDS):
        return f"{quantity.normalize():f}"
    if not rest:
        return UNITS[int(whole)]
    return f"{UNITS[int(whole)]} and {FRACTION_WORDS[rest]}" if whole else FRACTION_WORDS[rest]


def amount_in_words(part: Portion) -> str:
    """Return "one and one-half tablets" or "0.4 mL"."""
    if part.form is Form.LIQUID:
        return f"{part.count} mL"
    plural = "s" if part.quantity > 1 else ""
    return f"{in_words(part.quantity)} {UNIT_NAMES[part.form]}{plural}"


def sig(doses: list[tuple[str, Portion]]) -> str:
    """Return the directions for one product: times of day with their amounts, in words."""
    route = "under the tongue" if doses[0][1].form is Form.SUBLINGUAL else "by mouth"
    said = [f"{amount_in_words(part)} {route} {WHEN[slot]}" for slot, part in doses]
    joined = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    return f"Take {joined}, every day."
