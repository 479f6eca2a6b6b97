"""The drugs this program knows, with the facts a taper needs.

Every number comes from ``data/drugs.csv``, where each stands beside its source.
How doses of different drugs compare is in ``equivalence.py``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from apps.clinical.data import DRUG_ROWS, Row
from apps.clinical.errors import UnknownDrugError, shown
from apps.clinical.other_sources import OtherValue, other_values


class HalfLife(StrEnum):
    """How long a drug acts, active metabolites included (Ashton's classes)."""

    SHORT = "short"
    INTERMEDIATE = "intermediate"
    LONG = "long"


class Divisible(StrEnum):
    """Whether the drug's plain tablets may be split, as far as is known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Drug:
    """One drug in one kind of formulation.

    ``eq10_mg`` gives, per source, the milligrams that equal 10 mg diazepam; a
    source without a value is absent. ``eq10_other`` has what further sources
    print, for showing only, and ``eq10_remarks`` what they say in words.
    ``min_solid_unit_mg`` is the smallest solid amount that can really be handed
    out, or None where it is not known.
    """

    id: str
    name: str
    formulation: str
    brands: tuple[str, ...]
    drug_class: str
    marketed_in_us: bool
    half_life_class: HalfLife
    half_life_hours: tuple[Decimal, Decimal]
    divisible: Divisible
    divisible_note: str
    min_solid_unit_mg: Decimal | None
    eq10_mg: Mapping[str, Decimal]
    eq10_other: tuple[OtherValue, ...]
    eq10_remarks: tuple[str, ...]
    eq_mark: str
    auto_convert_allowed: bool
    conversion_refused: bool
    notes: str


def get_drug(drug_id: str) -> Drug:
    """Return the drug with this id.

    Raises UnknownDrugError, naming the ids that look alike, when there is none.
    """
    drug = _DRUGS.get(drug_id)
    if drug is None:
        raise UnknownDrugError(_unknown(drug_id))
    return drug


def all_drugs() -> tuple[Drug, ...]:
    """Return every drug, in the order of the drug list."""
    return tuple(_DRUGS.values())


def other_formulations(drug: Drug) -> tuple[Drug, ...]:
    """Return the same drug in its other formulations, such as IR for XR."""
    return tuple(each for each in _DRUGS.values() if each.name == drug.name and each != drug)


def _unknown(drug_id: str) -> str:
    wanted = str(drug_id).strip().lower()
    alike = [
        drug.id
        for drug in _DRUGS.values()
        if wanted
        and (
            drug.name.startswith(wanted)
            or wanted in (brand.lower() for brand in drug.brands)
            or drug.id.split("_")[0] == wanted.split("_")[0]
        )
    ]
    hint = " or ".join(alike) if alike else "an id such as clonazepam or lorazepam_ir"
    return f"drug: {shown(drug_id)} is not in the drug list; write {hint}."


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None


def _eq10(row: Row) -> Mapping[str, Decimal]:
    columns = {
        "vadod": "eq10_vadod2021_mg",
        "ashton_low": "eq10_ashton_low_mg",
        "ashton_high": "eq10_ashton_high_mg",
    }
    return MappingProxyType(
        {source: Decimal(row[column]) for source, column in columns.items() if row[column]}
    )


def _brands(text: str) -> tuple[str, ...]:
    # "Serax (brand discontinued)" is still the name patients use, and a drug not
    # sold in the US carries its names elsewhere in the brackets.
    if text.startswith("not marketed"):
        text = text.partition("(")[2].removesuffix(" elsewhere)")
    names = (part.split("(")[0].strip() for part in re.split("[;,]", text))
    return tuple(name for name in names if name and not name.endswith(")"))


def _drug(row: Row) -> Drug:
    others, remarks = other_values(row["eq10_other"])
    return Drug(
        id=row["drug_id"],
        name=row["generic_name"],
        formulation=row["formulation"],
        brands=_brands(row["us_brand_names"]),
        drug_class=row["drug_class"],
        marketed_in_us=row["us_marketed"] == "yes",
        half_life_class=HalfLife(row["duration_class"]),
        half_life_hours=(
            Decimal(row["half_life_incl_metabolite_h_low"]),
            Decimal(row["half_life_incl_metabolite_h_high"]),
        ),
        divisible=Divisible(row["divisible"]),
        divisible_note=row["divisible_note"],
        min_solid_unit_mg=_decimal(row["min_solid_unit_mg"]),
        eq10_mg=_eq10(row),
        eq10_other=others,
        eq10_remarks=remarks,
        eq_mark=row["eq_mark"],
        auto_convert_allowed=row["auto_convert_allowed"] == "yes",
        conversion_refused="DO NOT convert" in row["notes"],
        notes=row["notes"],
    )


_DRUGS = {row["drug_id"]: _drug(row) for row in DRUG_ROWS}
