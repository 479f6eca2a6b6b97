"""The formulary as one form: tick what is in stock, say into which parts it is split."""

from decimal import Decimal
from typing import Any, Final

from django import forms

from apps.clinical.doses import parse_dose_mg, plain
from apps.clinical.drugs import all_drugs, get_drug
from apps.clinical.errors import ClinicalError
from apps.clinical.products import (
    PART_NAMES,
    SYRINGE_MARKS_ML,
    Form,
    Product,
    is_scored_for,
    marketed_products,
)
from apps.patients.forms import drug_label
from apps.patients.models import Clinic
from apps.tapers.models.formulary import FORM_CHOICES

PARTS: Final = {"1": "whole only", "0.5": "halves", "0.25": "quarters"}


class FormularyForm(forms.Form):
    """Every product on sale and the clinic's own, each with a tick and its smallest part."""

    based_on = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    own_drug = forms.ChoiceField(label="Drug", required=False)
    own_strength = forms.CharField(
        label="Strength (mg, or mg per mL)", required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )  # fmt: skip
    own_form = forms.ChoiceField(
        label="Form", required=False, choices=[("", "Choose …"), *FORM_CHOICES]
    )
    own_part = forms.ChoiceField(label="Smallest part", required=False)

    def __init__(self, *args: Any, clinic: Clinic, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.products: dict[str, Product] = {}
        stocked = {item.product.name: item for item in clinic.formulary.all()}
        last = clinic.formulary_changes.first()
        self.fields["based_on"].initial = last.number if last else 0
        for drug in all_drugs():
            own = [i.product for i in stocked.values() if i.drug_id == drug.id]
            known = {p.name: p for p in (*marketed_products(drug.id), *own)}
            for name, product in known.items():
                item = stocked.get(name)
                part = item.smallest_part if item else product.smallest_part
                self.add_product(product, item is not None and item.is_stocked, part)
        drugs = [("", "Choose …"), *((drug.id, drug_label(drug.id)) for drug in all_drugs())]
        self.fields["own_drug"].choices = drugs  # type: ignore[attr-defined]
        marks = [(f"{plain(mark)}", f"{plain(mark)} mL") for mark in SYRINGE_MARKS_ML if mark != 1]
        self.fields["own_part"].choices = [*PARTS.items(), *marks]  # type: ignore[attr-defined]

    def add_product(self, product: Product, is_stocked: bool, part: Decimal) -> None:
        """Add the two fields of one product."""
        key = f"p{len(self.products)}"
        self.products[key] = product
        self.fields[f"{key}_stocked"] = forms.BooleanField(
            label=product.name,
            required=False,
            initial=is_stocked,
            widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
        )
        self.fields[f"{key}_part"] = forms.ChoiceField(
            label=f"Smallest part of {product.name}", choices=parts_of(product), required=False,
            initial=plain(part.normalize()),
            widget=forms.Select(attrs={"class": "form-select"}),
        )  # fmt: skip

    @property
    def drug_groups(self) -> list[dict[str, Any]]:
        """Return the products by drug, for the template; drugs in stock stand open."""
        groups: dict[str, dict[str, Any]] = {}
        for key, product in self.products.items():
            group = groups.setdefault(
                product.drug_id, {"label": drug_label(product.drug_id), "rows": [], "stocked": 0}
            )
            ticked = self[f"{key}_stocked"]
            group["rows"].append({"stocked": ticked, "part": self[f"{key}_part"]})
            group["stocked"] += bool(ticked.value())
            note, _, source = get_drug(product.drug_id).divisible_note.partition(" [")
            group["note"] = note[:1].upper() + note[1:]
            group["note_source"] = source_words(source)
        return list(groups.values())

    def clean(self) -> dict[str, Any]:
        """Check the clinic's own product, if one is typed."""
        data = super().clean() or {}
        self.own: Product | None = None
        typed = [data.get(f"own_{name}") for name in ("drug", "strength", "form")]
        if any(typed):
            self.own = self.clean_own(data)
        return data

    def clean_own(self, data: dict[str, Any]) -> Product | None:
        """Return the typed product; what cannot exist is told beside its field."""
        for name in ("drug", "strength", "form"):
            if not data.get(f"own_{name}"):
                self.add_error(f"own_{name}", f"Say the {name}, or leave the row blank.")
        if self.errors:
            return None
        try:
            strength = parse_dose_mg(data["own_strength"].strip(), field="Strength")
        except ClinicalError as error:
            self.add_error("own_strength", str(error))
            return None
        try:
            part = Decimal(data["own_part"])
            return Product(data["own_drug"], strength, Form(data["own_form"]), part)
        except ClinicalError as error:
            self.add_error("own_part", str(error).removeprefix("smallest_part: "))
            return None

    @property
    def stocked(self) -> list[Product]:
        """Return what is ticked, and the clinic's own product."""
        data = self.cleaned_data
        ticked = [
            Product(p.drug_id, p.strength_mg, p.form,
                    Decimal(data[f"{key}_part"] or plain(p.smallest_part)))
            for key, p in self.products.items()
            if data[f"{key}_stocked"]
        ]  # fmt: skip
        return ticked if self.own is None else [*ticked, self.own]


def source_words(mark: str) -> str:
    """Return where a note of the drug list comes from, as people read it: "(FDA label)"."""
    named = mark.rstrip("]").partition(":")[2].strip()
    return f"({named})" if named else ""


def parts_of(product: Product) -> list[tuple[str, str]]:
    """Return the parts a product may be split into, said to be scored or not."""
    marks = SYRINGE_MARKS_ML if product.is_liquid else tuple(PART_NAMES)
    found = []
    for part in marks:
        try:
            split = Product(product.drug_id, product.strength_mg, product.form, part)
        except ClinicalError:
            continue
        if product.is_liquid:
            found.append((plain(part), f"{plain(part)} mL"))
        else:
            unsure = "" if is_scored_for(split) else " (not known to be scored)"
            found.append((plain(part), PARTS[plain(part)] + unsure))
    return found
