"""Forms of a stay: a round, a dose given or held, how often a round is made."""

from typing import Any, Final
from uuid import uuid4

from django import forms
from django.http import HttpRequest

from apps.clinical.detox import SEDATION
from apps.clinical.scoring import CIWA_B_CONCEPTS, CIWA_B_REVERSED
from apps.detox.forms import DATE, words_field
from apps.detox.models import DoseRecord
from apps.detox.models.stay import ROUND_HOURS_AT_MOST
from apps.patients.forms import CountField
from apps.patients.moments import MomentField
from apps.tapers.forms_signing import SigningForm

ANCHORS: Final = [("", "–"), *((str(n), str(n)) for n in range(5))]
# The limits of what an instrument can show, to catch a slip of the finger [proposal].
LIMITS: Final = {
    "pulse": ("Pulse (a minute)", 20, 250),
    "systolic": ("Blood pressure, upper (mmHg)", 40, 280),
    "diastolic": ("Blood pressure, lower (mmHg)", 20, 200),
    "breaths": ("Breaths (a minute)", 0, 80),
    "oxygen": ("Oxygen saturation (%)", 30, 100),
}
SIGNS: Final = {
    "ataxia": "Ataxia", "nystagmus": "Nystagmus", "slurred_speech": "Slurred speech",
    "fall": "Fell since the last round",
}  # fmt: skip
SEDATION_CHOICES: Final = [(str(n), f"{n} · {words}") for n, words in SEDATION]


def sedation_field(label: str) -> forms.TypedChoiceField:
    """Return the choice of how awake the patient is."""
    return forms.TypedChoiceField(
        label=label, choices=SEDATION_CHOICES, coerce=int, widget=forms.RadioSelect,
        error_messages={"required": "Choose how awake the patient is."},
    )  # fmt: skip


class BeginStayForm(forms.Form):
    """Which bed, and how often somebody looks."""

    bed = forms.CharField(label="Bed", max_length=40, required=False)
    round_hours = CountField(
        label="Hours between two rounds", what="hours", min_value=1, max_value=ROUND_HOURS_AT_MOST,
        help_text="As ordered. The guideline asks for rounds and names no number.",
    )  # fmt: skip
    began_at = MomentField(
        label="In the bed since", required=False,
        help_text="Blank: from now on. Rounds and doses from then on can be entered, marked as "
        "late.",
    )  # fmt: skip


class RoundsForm(forms.Form):
    """How often somebody looks from now on."""

    round_hours = CountField(
        label="Hours between two rounds", what="hours", min_value=1, max_value=ROUND_HOURS_AT_MOST
    )


class RoundForm(forms.Form):
    """Vital signs, sedation, signs of too much, CIWA-B anchors."""

    submission_id = forms.UUIDField(widget=forms.HiddenInput)
    at = MomentField(
        label="Made at", required=False, help_text="Blank: now. An earlier one is marked as late."
    )
    sedation = sedation_field("How awake")
    is_dangerous = forms.BooleanField(
        label="Dangerous: call help now", required=False,
        help_text=(
            "Tick it when breathing, oxygen, pulse, pressure or anything else is dangerous. It "
            "alerts as an emergency. The program sets no limits: you judge."
        ),
    )  # fmt: skip
    note = words_field("Note", required=False, rows=2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["submission_id"].initial = uuid4()
        for name, (label, low, high) in LIMITS.items():
            self.fields[name] = CountField(
                label=label, what="its unit", min_value=low, max_value=high, required=False
            )
        self.fields["temp_c"] = forms.DecimalField(
            label="Temperature (°C)", min_value=25, max_value=45, decimal_places=1, required=False
        )
        for name, label in SIGNS.items():
            self.fields[name] = forms.BooleanField(label=label, required=False)
        for number, concept in enumerate(CIWA_B_CONCEPTS, start=1):
            best = " (4 is best)" if number in CIWA_B_REVERSED else ""
            self.fields[f"anchor_{number}"] = forms.TypedChoiceField(
                label=f"{number} {concept}{best}", choices=ANCHORS, coerce=int, empty_value=None,
                required=False,
            )  # fmt: skip

    @property
    def vitals(self) -> list[Any]:
        """The fields of vital signs, in order."""
        return [self[name] for name in (*LIMITS, "temp_c")]

    @property
    def signs(self) -> list[Any]:
        """The ticks."""
        return [self[name] for name in SIGNS]

    @property
    def anchors(self) -> list[Any]:
        """The twenty CIWA-B fields."""
        return [self[f"anchor_{number}"] for number in range(1, len(CIWA_B_CONCEPTS) + 1)]

    def clean(self) -> dict[str, Any]:
        """Take all twenty anchors or none, and a pressure as a pair."""
        values = super().clean() or {}
        anchors = [values.get(f"anchor_{n}") for n in range(1, len(CIWA_B_CONCEPTS) + 1)]
        missing = [n for n, value in enumerate(anchors, start=1) if value is None]
        if 0 < len(missing) < len(anchors):
            which = ", ".join(map(str, missing))
            self.add_error(
                f"anchor_{missing[0]}", f"Not scored: {which}. Score these, or leave all twenty "
                "empty.",
            )  # fmt: skip
        upper, lower = values.get("systolic"), values.get("diastolic")
        if (upper is None) != (lower is None) and not {"systolic", "diastolic"} & set(self.errors):
            self.add_error("systolic" if upper is None else "diastolic", "Write both numbers.")
        elif upper is not None and lower is not None and upper <= lower:
            self.add_error("systolic", "The upper number is higher than the lower one.")
        return values

    def values(self) -> dict[str, Any]:
        """Return the columns of a round."""
        kept = {name: self.cleaned_data.get(name) for name in (*LIMITS, "temp_c", *SIGNS)}
        anchors = [self.cleaned_data[f"anchor_{n}"] for n in range(1, len(CIWA_B_CONCEPTS) + 1)]
        return {
            **kept, "sedation": self.cleaned_data["sedation"],
            "is_dangerous": self.cleaned_data["is_dangerous"], "note": self.cleaned_data["note"],
            "anchors": None if None in anchors else anchors,
        }  # fmt: skip


class SecondForm(SigningForm):
    """A second prescriber's name under "takes none any more" after a short stay."""

    reason = words_field("Why you agree", help_text="It is kept with your name.")

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, request=request, **kwargs)
        self.order_fields(["reason", *self.proof_fields])


class GivenOnForm(SigningForm):
    """Which other doctor gives the dose on, since when that is agreed, and a signature."""

    prescriber = forms.CharField(
        label="Who gives it on", max_length=200, help_text="The doctor's name and practice."
    )
    reached_by = forms.CharField(
        label="How they are reached", max_length=200, help_text="A phone number or an address."
    )
    taken = forms.CharField(
        label="What they give",
        max_length=300,
        help_text="Every drug that is taken, with its dose a day.",
    )  # fmt: skip
    agreed_on = forms.DateField(label="The day they agreed", widget=DATE)
    agreed = words_field(
        "What was agreed", help_text="How they said yes, why the dose stays, and who looks when."
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, request=request, **kwargs)
        self.order_fields([*self.told, *self.proof_fields])

    told = ("prescriber", "reached_by", "taken", "agreed_on", "agreed")

    def values(self) -> dict[str, Any]:
        """Return what the doctor said."""
        return {name: self.cleaned_data[name] for name in self.told}


class DoseForm(SigningForm):
    """What was given or held, as it was; the signature is the giver's own."""

    submission_id = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label="What happened", choices=DoseRecord.Kind.choices, widget=forms.RadioSelect,
        error_messages={"required": "Say whether it was given or held."},
    )  # fmt: skip
    medicine = forms.CharField(
        label="Medicine", max_length=80, help_text="As the order names it. Nothing is suggested."
    )
    amount = forms.CharField(
        label="Amount with its unit", max_length=60, required=False,
        help_text="As given. Blank only when the dose was held.",
    )  # fmt: skip
    route = forms.CharField(label="Route", max_length=30, required=False)
    ordered_by = forms.CharField(label="Whose order", max_length=120)
    at = MomentField(label="When")
    sedation = sedation_field("How awake just before")
    breaths = CountField(label="Breaths a minute just before", what="breaths", min_value=0,
                         max_value=80)  # fmt: skip
    held_because = forms.ChoiceField(
        label="Held because of", required=False, choices=[("", "–"), *DoseRecord.Why.choices]
    )
    note = words_field("Note", required=False, rows=2)

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, request=request, **kwargs)
        self.fields["submission_id"].initial = uuid4()
        self.order_fields(
            ["submission_id", "kind", "medicine", "amount", "route", "ordered_by", "at", "sedation",
             "breaths", "held_because", "note", *self.proof_fields]
        )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Ask for the amount of a dose that was given, and the reason of one that was held."""
        values = super().clean() or {}
        kind = values.get("kind")
        if kind == DoseRecord.Kind.GIVEN:
            values["held_because"] = ""
            if not values.get("amount", "").strip():
                self.add_error("amount", "Write the amount with its unit.")
        if kind == DoseRecord.Kind.HELD and not values.get("held_because"):
            self.add_error("held_because", "Say why the dose was held.")
        if (
            values.get("held_because") == DoseRecord.Why.OTHER
            and not values.get("note", "").strip()
        ):
            self.add_error("note", "Write why the dose was held.")
        return values

    def values(self) -> dict[str, Any]:
        """Return the columns of a dose."""
        names = ("kind", "medicine", "amount", "route", "ordered_by", "at", "sedation", "breaths",
                 "held_because", "note")  # fmt: skip
        return {name: self.cleaned_data[name] for name in names}
