"""What is asked before rows leave for research."""

from django import forms

PURPOSES = [
    ("research", "A study that an ethics board has approved"),
    ("quality", "Quality work of the clinic or its network"),
    ("teaching", "Teaching"),
]


class ResearchExportForm(forms.Form):
    """For what, and by whose leave. No words about a patient: both are kept on record."""

    purpose = forms.ChoiceField(
        label="What it is for", choices=PURPOSES, widget=forms.RadioSelect,
        error_messages={"required": "Choose what the file is for: it is kept on record."},
    )  # fmt: skip
    approval = forms.RegexField(
        label="Number of the approval, or of its waiver",
        help_text="As the board or the clinic's counsel has it, such as IRB 2026-0417.",
        regex=r"^[A-Za-z0-9][A-Za-z0-9 ./_-]{2,39}$",
        error_messages={
            "required": "Without an approval nothing leaves the clinic.",
            "invalid": "Letters, digits, spaces and . / _ - only, three to forty of them.",
        },
    )
    agreed = forms.BooleanField(
        label="Whoever gets the file has signed not to look for anybody in it, and not to join it "
        "with another.",
        error_messages={"required": "Tick this when they have signed."},
    )
