"""Recording a risk-benefit review, and how often the clinic holds one."""

from django import forms

from apps.clinical.profile import RB_REVIEW_DAYS
from apps.patients.forms import CountField
from apps.patients.models import RiskBenefitReview

DATE = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class ReviewForm(forms.Form):
    """What a review found."""

    reviewed_on = forms.DateField(label="Reviewed on", widget=DATE)
    outcome = forms.ChoiceField(
        label="What follows", choices=[("", "Choose …"), *RiskBenefitReview.Outcome.choices]
    )
    note = forms.CharField(
        label="Benefits and risks", max_length=4000, widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What the medicine still does for the patient, what it risks, what was agreed.",
    )  # fmt: skip
    pdmp_checked = forms.BooleanField(
        label="I checked the prescription drug monitoring program (ASAM-02)", required=False
    )
    next_due_on = forms.DateField(
        label="Next review by", required=False, widget=DATE,
        help_text="Blank: the latest day allowed. An earlier one may be set, never a later one.",
    )  # fmt: skip


class ReviewPolicyForm(forms.Form):
    """How often the clinic reviews."""

    usual_days = CountField(
        label="Days between reviews", min_value=1, max_value=RB_REVIEW_DAYS,
        help_text=f"At most {RB_REVIEW_DAYS} (ASAM-01).",
    )  # fmt: skip
    strict_days = CountField(
        label="Days with an opioid or a substance use disorder", min_value=1,
        max_value=RB_REVIEW_DAYS,
        help_text="ASAM-22 and ASAM-24 ask for more frequent reviews and name no number.",
    )  # fmt: skip
