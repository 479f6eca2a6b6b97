"""How much of the plan was taken, where a patient may have said it in mL. Pure.

A liquid's strength turns millilitres into milligrams. Where the words leave more than one
reading, the one that raises most counts, and staff are told that it is not sure. [proposal]
"""

from dataclasses import dataclass
from decimal import Decimal

from apps.clinical.doses import plain
from apps.clinical.profile import Context
from apps.clinical.questionnaires.amounts import MG, ML, NOT_SAID, Amount


@dataclass(frozen=True, slots=True)
class AmountTaken:
    """What a rule may look at: per cent of the plan, or that no milligrams can be told.

    ``words`` tell staff, in English, how it was read; empty for plain milligrams. ``pct`` is None
    where nothing is known to compare with.
    """

    pct: Decimal | None = None
    is_unknown: bool = False
    words: str = ""


def amount_taken(said: Amount, context: Context, *, took_extra: bool) -> AmountTaken:
    """Return what was taken in the last 24 hours as a share of the plan.

    100 * mg taken / mg planned (triage.md section 3). Of several readings the highest counts for
    who took more, else the lowest. Millilitres without any strength known are unknown. Milligrams
    that are not more than planned, of who says that it was more, are read as mL too. [proposal]
    """
    if not context.planned_daily_mg:
        return AmountTaken(words=f"{said}: not compared" if needs_words(said, context) else "")
    if took_extra and (other := meant_as_ml(said, context)):
        words = both_in_words(said, other, context)
        return AmountTaken(100 * other / context.planned_daily_mg, words=words)
    found = readings(said, context)
    if not found:
        return AmountTaken(
            is_unknown=True,
            words=f"{said}: not sure, the plan gives no liquid whose strength is known",
        )
    mg = max(found) if took_extra else min(found)
    pct = 100 * mg / context.planned_daily_mg
    if not needs_words(said, context):
        return AmountTaken(pct)
    return AmountTaken(pct, words=in_words(said, mg, context, is_sure=len(found) == 1))


def readings(said: Amount, context: Context) -> frozenset[Decimal]:
    """Return the milligrams that the words may mean; none where no strength is known.

    Who is given tablets and a liquid may tell of the liquid alone, or leave the tablets out.
    """
    if not said.value:
        return frozenset((Decimal(0),))
    found = {said.value} if said.unit != ML else set()
    if said.unit != MG:
        found |= as_ml(said, context)
    return frozenset(found)


def as_ml(said: Amount, context: Context) -> set[Decimal]:
    """Return the milligrams of so many millilitres of each liquid, without and with the tablets."""
    liquids = {said.value * strength for strength in context.liquid_mg_per_ml}
    return liquids | {liquid + context.planned_solid_mg for liquid in liquids}


def meant_as_ml(said: Amount, context: Context) -> Decimal | None:
    """Return the most milligrams that "mg" may mean of a liquid, None where mg is believed.

    Who took more than planned and names no more milligrams than that contradicts themselves; as
    millilitres of the plan's own liquid the number may fit. The reading that raises most counts.
    """
    planned = context.planned_daily_mg
    if said.unit != MG or not said.value or planned is None or said.value > planned:
        return None
    return max((mg for mg in as_ml(said, context) if mg > planned), default=None)


def needs_words(said: Amount, context: Context) -> bool:
    """Answer whether it was not simply milligrams: mL, or no unit although a liquid is given."""
    return said.unit == ML or (said.unit is None and bool(context.liquid_mg_per_ml))


def both_in_words(said: Amount, mg: Decimal, context: Context) -> str:
    """Return both ways to read a "mg" that contradicts what was answered beside it."""
    strengths = " or ".join(f"{plain(each)} mg/mL" for each in context.liquid_mg_per_ml)
    planned = plain(context.planned_daily_mg or Decimal(0))
    return (
        f"{said} is not more than the {planned} mg planned: not sure, "
        f"as {said.value:f} mL at {strengths} read as {plain(mg)} mg"
    )


def in_words(said: Amount, mg: Decimal, context: Context, *, is_sure: bool) -> str:
    """Return how it was read, such as "0.6 mL at 5 mg/mL is 3 mg"."""
    given = str(said) if said.unit else f"{said} ({NOT_SAID['en']})"
    strengths = " or ".join(f"{plain(each)} mg/mL" for each in context.liquid_mg_per_ml)
    at = f" at {strengths}" if strengths else ""
    beside = (
        f", {plain(context.planned_solid_mg)} mg planned beside it"
        if context.planned_solid_mg
        else ""
    )
    if is_sure:
        return f"{given}{at} is {plain(mg)} mg"
    return f"{given}{at}{beside}: not sure, read as {plain(mg)} mg"
