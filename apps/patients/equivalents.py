"""The present dose as diazepam by every source there is, for a page: none is picked (C-05)."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from apps.clinical.doses import plain
from apps.clinical.drugs import get_drug
from apps.clinical.equivalence import SOURCES, convert_mg, diazepam_equivalents
from apps.clinical.errors import ConversionError


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What one source makes of a dose; a switch may name only some of them."""

    source: str
    mg: str
    range: str
    may_choose: bool


@dataclass(frozen=True, slots=True)
class EquivalentTable:
    """Every source side by side, how far they are apart, and remarks without a number."""

    drug: str
    rows: tuple[SourceRow, ...]
    spread: str
    remarks: tuple[str, ...]


def equivalent_table(drug_id: str, daily_mg: Decimal) -> EquivalentTable:
    """Return a daily dose as milligrams of diazepam under each source, printed ones included.

    `spread` is the lowest and the highest of all, empty where every source agrees.
    """
    found = diazepam_equivalents(drug_id, daily_mg)
    chosen = [
        SourceRow(SOURCES[source], shown(mg), "", True) for source, mg in found.by_source.items()
    ]
    others = [
        SourceRow(
            other.source, shown(other.mg),
            between(other.low, other.high) if other.low != other.high else "", False,
        )
        for other in found.others
    ]  # fmt: skip
    ends = [found.lowest, found.highest, *(end for o in found.others for end in (o.low, o.high))]
    spread = between(min(ends), max(ends)) if found.disagree else ""
    return EquivalentTable(get_drug(drug_id).name, (*chosen, *others), spread, found.remarks)


@dataclass(frozen=True, slots=True)
class EqualDoses:
    """One dose in another drug by every source that converts both: for a person to decide."""

    dose: str
    to_drug: str
    by_source: tuple[tuple[str, str], ...]


def equal_doses(daily_mg: Decimal, drug_id: str, to_drug: str) -> EqualDoses:
    """Return what each source calls equal; one that gives no value says so."""
    rows = []
    for source, label in SOURCES.items():
        try:
            mg = shown(convert_mg(daily_mg, drug_id, to_drug, source))
        except ConversionError:
            mg = "no value"
        rows.append((label, mg))
    dose = f"{plain(daily_mg)} mg {get_drug(drug_id).name}"
    return EqualDoses(dose, get_drug(to_drug).name, tuple(rows))


def between(low: Fraction, high: Fraction) -> str:
    """Return a range: "5 to 40 mg"."""
    return f"{shown(low).removesuffix(' mg')} to {shown(high)}"


def shown(mg: Fraction) -> str:
    """Return milligrams to one decimal, in words for a reader and never for a dose."""
    return f"{plain(round(Decimal(mg.numerator) / mg.denominator, 1))} mg"
