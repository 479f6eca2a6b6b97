"""The fields that say how a dose is lowered, for a first plan and for a change of method."""

import re
from collections.abc import Iterable
from typing import Any, Final

from crispy_forms.layout import HTML, Column, Div, Row
from django import forms

from apps.clinical.drugs import all_drugs
from apps.clinical.equivalence import SOURCES
from apps.clinical.errors import ClinicalError
from apps.clinical.methods import PRESETS
from apps.patients.forms import CountField, DoseField, PercentField, drug_label

PRESET: Final = "preset:"
TAPERS: Final = [
    ("percent_of_current", "Percent of the current dose"),
    ("percent_of_start", "Percent of the first dose"),
    ("fixed_mg", "The same milligrams each time"),
    ("hyperbolic", "Equal steps of occupancy (hyperbolic)"),
    ("custom", "My own doses, step by step"),
]
PRESET_CHOICES: Final = [(PRESET + name, preset.label) for name, preset in PRESETS.items()]
# Which typed field belongs to which method.
PARAMETER: Final = {
    "percent_of_current": "percent",
    "percent_of_start": "percent",
    "fixed_mg": "mg",
    "hyperbolic": "steps",
    "custom": "daily_mg",
}
LINE: Final = re.compile(r"daily_mg\[(\d+)\]")
# What a part of an engine's field name is called on the form.
ALIASES: Final = {"name": "method", "kind": "method", "slots": "start_on"}


class MethodForm(forms.Form):
    """How to lower the dose: a method with its number, a published preset, or a switch."""

    method = forms.ChoiceField(
        label="Method",
        choices=[("Methods", TAPERS), ("Published", PRESET_CHOICES), ("switch", "Switch the drug")],
        initial="percent_of_current",
    )
    percent = PercentField(label="Percent", required=False, help_text="Usually 5 to 10.")
    mg = DoseField(label="Milligrams each time", required=False)
    steps = CountField(
        what="steps", label="Number of steps", required=False, min_value=1, max_value=104
    )  # fmt: skip
    daily_mg = forms.CharField(
        label="Milligrams a day at each step", required=False, max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
        help_text="One dose a line, from the first cut on, such as 1.75. A point, never a comma.",
    )  # fmt: skip
    to_drug = forms.ChoiceField(label="Switch to", required=False)
    source = forms.ChoiceField(
        label="Equivalence by", required=False,
        choices=[("", "Choose a source …"), *SOURCES.items()],
        help_text="The sources disagree, so there is no default. Your choice stays on the plan.",
    )  # fmt: skip
    swap_days = CountField(
        label="Days for each time of day", required=False, initial=7, min_value=1, max_value=28,
        help_text="One dose after the other, usually a week each.",
    )  # fmt: skip
    then = forms.ChoiceField(
        label="Then lower by", required=False,
        choices=[("Methods", TAPERS), ("Published", PRESET_CHOICES)], initial="percent_of_current",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        drugs = [(drug.id, drug_label(drug.id)) for drug in all_drugs()]
        self.fields["to_drug"].choices = [("", "Choose …"), *drugs]  # type: ignore[attr-defined]

    @staticmethod
    def method_layout(*of_switch: str) -> Iterable[Any]:
        """Return the fields in the order of a person's thoughts; `of_switch` stand with it."""
        return (
            Row(
                Column("method", css_class="col-md-6"),
                Column("percent"),
                Column("mg"),
                Column("steps"),
            ),
            Div("daily_mg", css_class="method-custom"),
            Div(
                HTML("<p class='form-text'>Only for a switch of the drug:</p>"),
                Row(Column("to_drug"), Column("source"), Column("swap_days"), Column("then")),
                *of_switch,
                css_class="method-switch",
            ),
        )

    def clean(self) -> dict[str, Any]:
        """Ask for the number that the chosen method needs."""
        data = super().clean() or {}
        kind = data.get("method", "")
        if kind == "switch":
            for name, text in (("to_drug", "the new drug"), ("source", "a source")):
                if not data.get(name) and name not in self.errors:
                    self.add_error(name, f"Choose {text} for the switch.")
            kind = data.get("then") or "percent_of_current"
        if "?" in str(data.get("daily_mg", "")).split():
            self.add_error("daily_mg", "A step has no dose. Type one for each; 0 is none.")
        needed = PARAMETER.get(kind)
        if needed and not data.get(needed) and needed not in self.errors:
            self.add_error(needed, "This method needs a number here.")
        return data

    def method_json(self) -> dict[str, Any]:
        """Return the method as apps.clinical takes it: strings, not floats."""
        data = self.cleaned_data
        if data["method"] != "switch":
            return self.taper_json(data["method"])
        return {
            "kind": "switch",
            "to_drug": data["to_drug"],
            "source": data["source"],
            "swap_days": data["swap_days"] or 7,
            "then": self.taper_json(data["then"] or "percent_of_current"),
        }

    def taper_json(self, kind: str) -> dict[str, Any]:
        """Return a method without a switch."""
        if kind.startswith(PRESET):
            return {"kind": "preset", "name": kind.removeprefix(PRESET)}
        value = self.cleaned_data[PARAMETER[kind]]
        if kind == "custom":
            value = str(value).split()
        elif kind != "hyperbolic":
            value = f"{value:f}"
        return {"kind": kind, PARAMETER[kind]: value}


def method_typed(method: dict[str, Any]) -> dict[str, str]:
    """Return what is typed to get a method: what `MethodForm.method_json` made it of."""
    if method["kind"] == "switch":
        after = method_typed(method["then"])
        named = {name: str(method[name]) for name in ("to_drug", "source", "swap_days")}
        return after | named | {"method": "switch", "then": after["method"]}
    if method["kind"] == "preset":
        return {"method": PRESET + method["name"]}
    name = PARAMETER[method["kind"]]
    value = method[name]
    text = "\n".join(value) if isinstance(value, list) else str(value)
    return {"method": method["kind"], name: text}


def tell(form: forms.Form, error: ClinicalError) -> None:
    """Put a sentence of the engine beside the field it speaks of, without the field's name."""
    name, found, text = str(error).partition(": ")
    if not found or not re.fullmatch(r"[\w.\[\]]+", name):
        form.add_error(None, str(error))
        return
    text = f"Dose {int(place[1]) + 1}: {text}" if (place := LINE.search(name)) else text
    words = [ALIASES.get(word, word) for word in reversed(re.findall(r"[a-z_]+", name))]
    field = next((word for word in words if word in form.fields), None)
    form.add_error(field, text[0].upper() + text[1:])
