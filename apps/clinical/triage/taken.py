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
    who took more, else the lowest. Millilitres without any strength known are unknown. Where no
    reading is more (or less) than planned, of who says that it was, the number is read in the
    other unit too. [proposal]
    """
    planned = context.planned_daily_mg
    if not planned:
        return AmountTaken(words=f"{said}: not compared" if needs_words(said, context) else "")
    found = readings(said, context)
    if not found:
        return AmountTaken(
            is_unknown=True,
            words=f"{said}: not sure, the plan gives no liquid whose strength is known",
        )
    mg = max(found) if took_extra else min(found)
    words = in_words(said, mg, context, is_sure=len(found) == 1)
    if (mg <= planned) if took_extra else (mg >= planned):
        other = meant_in_the_other_unit(said, context, took_extra=took_extra)
        given = words if needs_words(said, context) else as_told(said)
        words = contradiction(given, other, said, context, took_extra=took_extra)
        return AmountTaken(100 * (mg if other is None else other) / planned, words=words)
    return AmountTaken(100 * mg / planned, words=words if needs_words(said, context) else "")


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


def meant_in_the_other_unit(
    said: Amount, context: Context, *, took_extra: bool
) -> Decimal | None:  # fmt: skip
    """Return the milligrams that fit what was answered beside it, None where nothing does.

    Who took more than planned and names no more, or took less and names no less, contradicts
    themselves; "mg" may have been mL of the plan's own liquid, "mL" may have been mg. Of what
    fits the one that raises most counts.
    """
    planned = context.planned_daily_mg
    if not said.value or planned is None:
        return None
    others = as_ml(said, context) if said.unit == MG else {said.value}
    if took_extra:
        return max((mg for mg in others if mg > planned), default=None)
    return min((mg for mg in others if mg < planned), default=None)


def needs_words(said: Amount, context: Context) -> bool:
    """Answer whether it was not simply milligrams: mL, or no unit although a liquid is given."""
    return said.unit == ML or (said.unit is None and bool(context.liquid_mg_per_ml))


def contradiction(
    given: str, other: Decimal | None, said: Amount, context: Context, *, took_extra: bool
) -> str:  # fmt: skip
    """Return that an amount contradicts what was answered beside it, and how it was read."""
    planned = plain(context.planned_daily_mg or Decimal(0))
    words = (
        f"{given}; that is not {'more' if took_extra else 'less'} than the {planned} mg planned: "
        "the answers contradict each other"
    )
    if other is None:
        return words
    if said.unit == ML:
        return f"{words}, read as {plain(other)} mg"
    at = f"{said.value:f} mL at {strengths_of(context)}"
    liquid = {said.value * strength for strength in context.liquid_mg_per_ml}
    beside = "" if other in liquid else tablets_beside(context)
    return f"{words}, as {at}{beside} read as {plain(other)} mg"


def as_told(said: Amount) -> str:
    """Return the amount, with a word where its unit was not said."""
    return str(said) if said.unit else f"{said} ({NOT_SAID['en']})"


def strengths_of(context: Context) -> str:
    """Return the strengths of the plan's liquids; empty without one."""
    return " or ".join(f"{plain(each)} mg/mL" for each in context.liquid_mg_per_ml)


def tablets_beside(context: Context) -> str:
    """Return the tablets planned beside a liquid; empty without any."""
    solid = context.planned_solid_mg
    return f", {plain(solid)} mg planned beside it" if solid else ""


def in_words(said: Amount, mg: Decimal, context: Context, *, is_sure: bool) -> str:
    """Return how it was read, such as "0.6 mL at 5 mg/mL is 3 mg"."""
    given = as_told(said)
    strengths = strengths_of(context)
    at = f" at {strengths}" if strengths else ""
    if is_sure:
        return f"{given}{at} is {plain(mg)} mg"
    return f"{given}{at}{tablets_beside(context)}: not sure, read as {plain(mg)} mg"
