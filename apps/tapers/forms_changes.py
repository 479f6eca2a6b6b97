"""One small form per decision on a live plan; each has a reason and a signature."""

from typing import Any

from crispy_forms.layout import Column, Layout, Row
from django import forms

from apps.patients.forms import CountField, DoseField, PercentField
from apps.tapers.changes import Change
from apps.tapers.forms_approvals import ApprovalFields
from apps.tapers.forms_method import MethodForm
from apps.tapers.forms_signing import SigningForm
from apps.tapers.models import PlanVersion, TaperPlan

Kind = PlanVersion.Kind
REASON = "Why, in a sentence. It stays on the plan."


class ChangeForm(ApprovalFields, SigningForm):
    """The reason, the version it was made on, the patient's agreement, the signer's proof."""

    title = ""
    lead = ""
    button = "Sign and save"
    kind = ""
    fields_shown: tuple[str, ...] = ()

    reason = forms.CharField(label="Reason", max_length=300, help_text=REASON)
    based_on = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, *args: Any, plan: TaperPlan, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ask_approvals(plan)
        self.fields["agreed_on"].help_text = "Needed when the dose falls sooner or further."
        self.helper.layout = Layout(
            *self.parts(), "reason", *self.approvals_layout(), *self.signing_fields, "based_on"
        )

    @property
    def paper_fields(self) -> list[str]:
        """Names of the fields that say why and prove who, but change no dose."""
        names = ("reason", "based_on", *self.agreement_fields, *self.specialist_fields)
        return [name for name in (*names, *self.signing_fields) if name in self.fields]

    def parts(self) -> tuple[Any, ...]:
        """Return the fields of this decision."""
        return (Row(*(Column(name) for name in self.fields_shown)),) if self.fields_shown else ()

    def values(self) -> dict[str, Any]:
        """Return what was typed besides the reason."""
        return {}

    def without_proof(self) -> None:
        """Ask for no signature while there is nothing to sign."""
        for name in self.signing_fields:
            del self.fields[name]
        self.helper.layout = Layout(*self.parts(), "reason", "based_on")

    def change(self) -> Change:
        """Return the decision."""
        return Change(self.kind, self.cleaned_data.get("reason", "").strip(), self.values())

    def preview_change(self) -> Change | None:
        """Return the decision as far as it is typed, None when a value of it is wrong."""
        if self.is_bound and set(self.errors) - {*self.paper_fields, "__all__"}:
            return None
        if not self.is_bound:
            self.cleaned_data = {name: self.get_initial_for_field(field, name)
                                 for name, field in self.fields.items()}  # fmt: skip
        reason = self.cleaned_data.get("reason") or "…"
        return Change(self.kind, reason, self.values())


class HoldForm(ChangeForm):
    """Stay at today's dose for a while, or until further notice."""

    title, kind, fields_shown = "Hold", Kind.HOLD, ("length",)
    lead = "The dose of today stays. Every later step moves back by as much."
    length = forms.ChoiceField(
        label="For", initial="14",
        choices=[("7", "1 week longer"), ("14", "2 weeks longer"), ("28", "4 weeks longer"),
                 ("56", "8 weeks longer"), ("open", "until I go on")],
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """Return the days, None for an open hold."""
        length = self.cleaned_data["length"]
        return {"days": None if length == "open" else int(length)}


class GoOnForm(ChangeForm):
    """Let the plan go on after a hold."""

    title, kind = "Go on", Kind.GO_ON
    lead = "Every hold is released. The next cut comes one interval from today at the earliest."


class StepBackForm(ChangeForm):
    """Return to the dose before."""

    title, kind, fields_shown = "Step back", Kind.STEP_BACK, ("days",)
    lead = (
        "The patient returns to the last higher dose from today. Rare, and only with a reason "
        "(ASAM-17)."
    )
    days = CountField(
        label="Stay there for (days)", initial=14, min_value=7, max_value=182,
        help_text="Then the plan goes on from that dose.",
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """Return how long to stay at the higher dose."""
        return {"days": self.cleaned_data["days"]}


class SlowForm(ChangeForm):
    """Smaller or rarer cuts."""

    title, kind, fields_shown = "Slow down", Kind.SLOW, ("percent", "interval_days")
    lead = "Smaller cuts, rarer cuts, or both. The next step comes no earlier than planned."
    percent = PercentField(
        label="Cut, percent of the current dose", required=False, help_text="Blank: as it is."
    )
    interval_days = CountField(
        label="Days between cuts", required=False, initial=28, min_value=7, max_value=28,
        help_text="Blank: as it is.",
    )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """Return a new percentage, a longer interval, or both."""
        data = self.cleaned_data
        percent = data.get("percent")
        method = {"kind": "percent_of_current", "percent": f"{percent:f}"} if percent else None
        return {"method": method, "interval_days": data.get("interval_days")}


class ChangeMethodForm(ChangeForm, MethodForm):
    """Another method from the next step on."""

    title, kind = "Change the method", Kind.METHOD
    lead = "Only the future changes: the new method counts from the dose of today."
    interval_days = CountField(
        label="Days between cuts", required=False, min_value=7, max_value=28,
        help_text="Blank: as it is.",
    )  # fmt: skip
    goal_mg = DoseField(
        label="Goal in the drug it ends on (mg a day)", required=False,
        help_text="Needed where the plan ends above 0: a goal is never converted for you.",
    )  # fmt: skip

    def __init__(self, *args: Any, plan: TaperPlan, **kwargs: Any) -> None:
        # Whoever gives up a switch needs a goal in the drug taken now: hidden otherwise.
        self.is_of_a_switch = plan.version.switches
        super().__init__(*args, plan=plan, **kwargs)

    def parts(self) -> tuple[Any, ...]:
        """Return the fields of the method and the interval."""
        return (*self.method_layout("goal_mg"), "interval_days")

    def values(self) -> dict[str, Any]:
        """Return the method with its interval."""
        data = self.cleaned_data
        asks_goal = data["method"] == "switch" or self.is_of_a_switch
        goal = data.get("goal_mg") if asks_goal else None
        values = {"method": self.method_json(), "interval_days": data.get("interval_days")}
        return values | ({} if goal is None else {"goal_mg": f"{goal:f}"})

    def preview_change(self) -> Change | None:
        """Return nothing before a method was typed: there is nothing to guess."""
        return super().preview_change() if self.is_bound else None


class GoalForm(ChangeForm):
    """Another dose to end at."""

    title, kind, fields_shown = "Change the goal", Kind.GOAL, ("goal_mg",)
    lead = "The steps go on to another dose. 0 is a full stop."
    goal_mg = DoseField(label="Goal (mg a day)")

    def values(self) -> dict[str, Any]:
        """Return the goal."""
        goal = self.cleaned_data["goal_mg"]
        return {"goal_mg": "" if goal is None else f"{goal:f}"}

    def preview_change(self) -> Change | None:
        """Return nothing before a goal was typed."""
        return super().preview_change() if self.is_bound else None


class StopForm(ChangeForm):
    """No further cut; the dose of today goes on."""

    title, kind = "Stay at this dose", Kind.STOP
    lead = "No further cut is planned. The medicine goes on at the dose of today."


class LeavingForm(ChangeForm):
    """A decision after which no plan says anything: it lowers nothing, so nobody agrees to it."""

    def approvals_layout(self) -> tuple[Any, ...]:
        """Show no approvals: none is needed."""
        return ()


class EndPlanForm(LeavingForm):
    """No plan says anything any more."""

    title, kind = "End the plan", Kind.END
    lead = "A plan ends when its goal is reached. Nothing here stops a medicine at once."

    def __init__(self, *args: Any, plan: TaperPlan, **kwargs: Any) -> None:
        super().__init__(*args, plan=plan, **kwargs)
        if plan.status == TaperPlan.Status.INPATIENT:
            self.fields["reason"].label = "What the hospital did, and what the patient takes now"


class InpatientForm(LeavingForm):
    """The hospital decides the dose."""

    title, kind = "Move to hospital", Kind.INPATIENT
    lead = (
        "No step of this plan begins any more, and reminders stop. The hospital decides the dose; "
        "after discharge you make a new plan from the dose then taken."
    )


CHANGE_FORMS: dict[str, type[ChangeForm]] = {
    form.kind: form
    for form in (
        GoOnForm, HoldForm, StepBackForm, SlowForm, ChangeMethodForm, GoalForm, StopForm,
        EndPlanForm, InpatientForm,
    )
}  # fmt: skip


class PutAwayForm(forms.Form):
    """The reason to put a draft away."""

    reason = forms.CharField(label="Reason", max_length=300, help_text=REASON)
