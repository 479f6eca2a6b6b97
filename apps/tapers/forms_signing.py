"""Signing: proof of who signs, and what must be on record before a plan starts."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Layout, Submit
from django import forms
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.proof_form import ProofFields
from apps.patients.models import RiskProfile
from apps.tapers.forms_approvals import ApprovalFields, SeenFields, SpecialistFields
from apps.tapers.models import PlanVersion, TaperPlan
from apps.tapers.signable import Signing


class SigningForm(ProofFields):
    """A fresh proof of who signs, and the reason for a fall above the limit."""

    def __init__(self, *args: Any, request: HttpRequest, breach: bool = False, **kwargs: Any):
        super().__init__(*args, request=request, **kwargs)
        if breach:
            self.fields["breach_reason"] = forms.CharField(
                label="Why this fall is right for this patient", required=False, max_length=2000,
                widget=forms.Textarea(attrs={"rows": 3}),
                help_text="It stays on the plan for good. A second prescriber must agree and sign.",
            )  # fmt: skip
        self.helper = FormHelper()
        self.helper.form_tag = False

    @property
    def signing_fields(self) -> list[str]:
        """Names of the fields that make the signature."""
        reason = ["breach_reason"] if "breach_reason" in self.fields else []
        return [*reason, *self.proof_fields]

    def signing(self) -> Signing:
        """Return how the signer proved who they are, with the reason for a breach."""
        return Signing(self.proof_method, self.cleaned_data.get("breach_reason", "").strip())


class SecondSignatureForm(SeenFields, SpecialistFields, SigningForm):
    """The second prescriber's name under the version that the page shows."""

    def __init__(self, *args: Any, version: PlanVersion, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plan = version.plan
        self.show_version(version)
        self.ask_specialist(plan, timezone.localdate(timezone=plan.patient.tz))
        self.helper.layout = Layout(
            *self.specialist_layout(), *self.signing_fields, *self.seen_fields
        )
        self.helper.add_input(Submit("sign", "Sign as second prescriber"))


class SignPlanForm(SeenFields, ApprovalFields, SigningForm):
    """Everything the first signature of a plan needs."""

    care_level_note = forms.CharField(
        label="Why outpatient care is right", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}), help_text="Needed when the seizure risk is high.",
    )  # fmt: skip

    def __init__(self, *args: Any, plan: TaperPlan, **kwargs: Any) -> None:
        latest = plan.latest
        super().__init__(*args, breach=latest.needs_second, **kwargs)
        self.show_version(latest)
        self.ask_approvals(plan)
        self.fields["agreed_on"].help_text = "The day you talked the plan through together."
        if plan.patient.risk.tier != RiskProfile.Tier.HIGH:
            self.fields["care_level_note"].widget.attrs["rows"] = 2
        agreement, *specialist = self.approvals_layout()
        self.helper.layout = Layout(
            agreement, "care_level_note", *specialist, *self.signing_fields, *self.seen_fields
        )
        self.helper.add_input(Submit("activate", "Sign and activate"))
