"""What one product at one time of day is, in words and as a picture. Pure.

Words follow the reader's language (gettext); the name of a medicine is not translated,
because it has to be found again on the box. A picture is SVG text: pages put it in as it
is, the PDFs hand it to the typesetter.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from django.utils.functional import cached_property
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.clinical.doses import plain
from apps.clinical.drugs import all_drugs, get_drug
from apps.clinical.products import FORM_NAMES, Form

FRACTIONS: Final = {Decimal("0.25"): "¼", Decimal("0.5"): "½", Decimal("0.75"): "¾"}
MOST_DRAWN: Final = 6  # more than this is one picture and a number
NAMED: Final = re.compile(r"(?P<drug>.+) (?P<strength>[\d.]+) (?P<unit>mg/mL|mg) (?P<form>.+)")
FORM_OF: Final = {name: form for form, name in FORM_NAMES.items()}


@dataclass(frozen=True)
class Portion:
    """So many of one product at one time of day; `quantity` counts pieces or millilitres."""

    product: str
    quantity: Decimal
    mg: Decimal

    @cached_property
    def _named(self) -> dict[str, str]:
        found = NAMED.fullmatch(self.product)
        return found.groupdict() if found else {"drug": self.product, "form": "tablet"}

    @property
    def drug(self) -> str:
        """The medicine's name as the box says it."""
        return self._named["drug"]

    @property
    def strength(self) -> str:
        """The strength with its unit, such as 0.5 mg or 5 mg/mL."""
        return f"{self._named.get('strength', '')} {self._named.get('unit', '')}".strip()

    @property
    def form(self) -> Form:
        """The product's form."""
        return FORM_OF.get(self._named["form"], Form.TABLET)

    @property
    def count(self) -> str:
        """The quantity with its fraction drawn: 1.5 is 1½."""
        whole, rest = divmod(self.quantity, 1)
        if self.form is Form.LIQUID or rest not in FRACTIONS:
            return plain(self.quantity)
        return f"{int(whole) or ''}{FRACTIONS[rest]}"

    @property
    def amount(self) -> str:
        """What to take without its name: "1½ tablets", "0.4 mL"."""
        number = 1 if self.quantity <= 1 else 2
        return form_words(self.form, number) % {"count": self.count}

    @property
    def words(self) -> str:
        """What to take: "1½ tablets of clonazepam 0.5 mg"."""
        return _("%(amount)s of %(medicine)s %(strength)s") % {
            "amount": self.amount, "medicine": self.drug, "strength": self.strength,
        }  # fmt: skip

    @cached_property
    def picture(self) -> SafeString:
        """The tablets as one SVG picture; it says in words what it shows."""
        return mark_safe(svg(self.form, self.quantity, self.words))  # noqa: S308 - escaped there


@cache
def drug_id_of(product: str) -> str:
    """Return the id of the drug whose product carries this name, empty for an unknown one.

    Two drugs of one name are told apart by the form: only one of them is extended-release.
    """
    found = NAMED.fullmatch(product)
    if found is None:
        return ""
    is_slow = found["form"].startswith("extended-release")
    ids = [drug.id for drug in all_drugs() if drug.name == found["drug"]]
    return next((id_ for id_ in ids if id_.endswith("_xr") == is_slow), ids[0] if ids else "")


def by_drug(portions: Iterable[Any]) -> dict[str, Decimal]:
    """Return a day's milligrams of each drug; portions have a `product` and its `mg`."""
    sums: dict[str, Decimal] = {}
    for part in portions:
        drug = drug_id_of(part.product)
        sums[drug] = sums.get(drug, Decimal(0)) + part.mg
    return sums


def liquids_of(pieces: Iterable[Any]) -> tuple[tuple[Decimal, ...], Decimal]:
    """Return the strengths in mg/mL of a day's liquids, lowest first, and the mg beside them.

    Pieces have a `product`, its `strength_mg` and `mg`.
    """
    strengths, solid = set(), Decimal(0)
    for each in pieces:
        if Portion(each.product, each.quantity, each.mg).form is Form.LIQUID:
            strengths.add(each.strength_mg.normalize())
        else:
            solid += each.mg
    return tuple(sorted(strengths)), solid


def dose_words(doses: Mapping[str, Decimal], *, named: bool = False) -> str:
    """Return a day's milligrams; of two drugs each by itself, because they do not add up.

    `named` says the drug of a single dose too: where a plan has two, "20 mg" is of either.
    """
    if not doses:
        return "0 mg"
    if len(doses) == 1 and not named:
        return f"{plain(next(iter(doses.values())))} mg"
    return " + ".join(f"{plain(mg)} mg {drug_word(drug)}".strip() for drug, mg in doses.items())


def drug_word(drug_id: str) -> str:
    """Return a drug's name, empty for a product whose drug no list knows."""
    return get_drug(drug_id).name if drug_id else ""


def form_words(form: Form, number: int) -> str:
    """Return the words of so many pieces of a form, with a place for the count."""
    words: dict[Form, Any] = {
        Form.TABLET: ngettext("%(count)s tablet", "%(count)s tablets", number),
        Form.ODT: ngettext("%(count)s melting tablet", "%(count)s melting tablets", number),
        Form.FILM: ngettext("%(count)s film", "%(count)s films", number),
        Form.SUBLINGUAL: ngettext(
            "%(count)s under-the-tongue tablet", "%(count)s under-the-tongue tablets", number
        ),
        Form.CAPSULE: ngettext("%(count)s capsule", "%(count)s capsules", number),
        Form.XR_TABLET: ngettext("%(count)s slow tablet", "%(count)s slow tablets", number),
        Form.XR_CAPSULE: ngettext("%(count)s slow capsule", "%(count)s slow capsules", number),
        Form.LIQUID: _("%(count)s mL"),
    }
    return str(words[form])


# --- Pictures: a square of 40 units a piece; what is not taken is a dotted outline ---------------

ON: Final = 'fill="currentColor" stroke="currentColor" stroke-width="1.5"'
OFF: Final = 'fill="none" stroke="currentColor" stroke-width="1.5" stroke-dasharray="2.5 3"'
CUT: Final = 'stroke="#fff" stroke-width="1.5" stroke-opacity="0.75"'
WHOLE: Final = f'<circle {ON} cx="20" cy="20" r="16"/><path {CUT} d="M20 6v28"/>'
REST: Final = f'<circle {OFF} cx="20" cy="20" r="16"/>'
PARTS: Final = {
    Decimal("0.25"): f'<path {ON} d="M20 20V4A16 16 0 0 1 36 20z"/>',
    Decimal("0.5"): f'<path {ON} d="M20 4A16 16 0 0 1 20 36z"/>',
    Decimal("0.75"): f'<path {ON} d="M20 20V4A16 16 0 1 1 4 20z"/>',
}
CAPSULE: Final = (
    f'<rect {ON} x="2" y="11" width="36" height="18" rx="9"/><path {CUT} d="M20 12v16"/>'
)
FILM: Final = f'<rect {ON} x="5" y="9" width="30" height="22" rx="2"/>'
SYRINGE: Final = (
    '<path fill="none" stroke="currentColor" stroke-width="2" d="M9 13h21v14H9zM3 20h6M3 15v10"/>'
    f'<path {ON} d="M18 13h12v14H18zM30 18h7v4h-7z"/>'
)


def svg(form: Form, quantity: Decimal, label: str) -> str:
    """Return the pieces side by side as SVG, with its words for those who do not see it.

    More than `MOST_DRAWN` pieces, and a liquid, are one shape: the number is in the words.
    """
    shapes = drawn(form, quantity)
    width = 40 * len(shapes)
    drawing = "".join(
        f'<g transform="translate({40 * place} 0)">{one}</g>' for place, one in enumerate(shapes)
    )
    return (
        f'<svg class="tablets-pic" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 40" '
        f'width="{width}" height="40" role="img" aria-label="{escape(label)}">{drawing}</svg>'
    )


def drawn(form: Form, quantity: Decimal) -> list[str]:
    """Return one shape per piece, the part of a piece inside the outline of the whole."""
    if form is Form.LIQUID:
        return [SYRINGE]
    piece = {Form.CAPSULE: CAPSULE, Form.XR_CAPSULE: CAPSULE, Form.FILM: FILM}.get(form, WHOLE)
    whole, rest = divmod(quantity, 1)
    if whole > MOST_DRAWN:
        return [piece]
    return [piece] * int(whole) + ([REST + PARTS.get(rest, "")] if rest else [])
