"""How an alert is worked on, passed on, closed and opened again, and how a rule is muted."""

from collections.abc import Iterable
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms

from apps.accounts.models import User
from apps.alerts.models import INTERIM_ACTS, Alert, may_act
from apps.alerts.mute_actions import MUTABLE_RULES
from apps.patients.models import StaffMember
from apps.patients.refusals import OneOf

NOTE_LENGTH = 4000
MUTE_DAYS = [(1, "1 day"), (3, "3 days"), (7, "7 days"), (14, "14 days")]


def note_field(label: str, help_text: str = "", rows: int = 3) -> forms.CharField:
    """Return a field for a person's own words."""
    return forms.CharField(
        label=label,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": rows}),
        help_text=help_text,
    )


class ActionForm(forms.Form):
    """A form with one button, whose fields have ids of their own on a page with several."""

    button = "Save"
    style = "btn-primary"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"id_{type(self).__name__.lower()}_%s")
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("go", self.button, css_class=self.style))


class ResolveForm(ActionForm):
    """An alert ends only with what was done and a note."""

    button = "Close alert"
    outcome = forms.ChoiceField(
        label="What was done", choices=[("", "Choose …"), *Alert.Outcome.choices]
    )
    note = note_field(
        "Note on closing", "What you heard, what you advised, what happens next.", rows=4
    )


class ActForm(ActionForm):
    """One thing the owner did; the alert stays open in their hands and its clock starts anew."""

    button = "Write it down"
    style = "btn-secondary"
    kind = forms.ChoiceField(
        label="What you did",
        choices=[("", "Choose …"), *((k.value, k.label) for k in INTERIM_ACTS)],
    )
    note = note_field(
        "Note on what you did", "Which number, what was said, when you will try again.", rows=2
    )


class PersonChoice(OneOf):
    """A choice among members of staff, by name and role."""

    def label_from_instance(self, member: Any) -> str:
        """Return the words of one choice."""
        return f"{member.user.full_name}, {member.get_role_display().lower()}"


class HandOverForm(ActionForm):
    """Who has the alert from now on, and what they must know."""

    button = "Hand over"
    style = "btn-secondary"
    to = PersonChoice(
        label="To", queryset=StaffMember.objects.none(), empty_label="Choose …", to_field_name="pk"
    )
    note = note_field("What they must know", rows=2)

    def __init__(
        self, *args: Any, clinic_id: Any, owner: User | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        people = StaffMember.objects.filter(may_act(), clinic_id=clinic_id)
        if owner is not None:
            people = people.exclude(user=owner)
        self.fields["to"].queryset = people.select_related("user")  # type: ignore[attr-defined]


class ReopenForm(ActionForm):
    """Why a closed alert is opened again."""

    button = "Open again and take it"
    style = "btn-secondary"
    reason = note_field("Why", "What is new, or what was missed.", rows=2)


class MuteForm(ActionForm):
    """Which rule tells nobody at once, for how long and why."""

    button = "Mute this rule"
    rule = forms.ChoiceField(label="Rule", widget=forms.RadioSelect)
    days = forms.TypedChoiceField(
        label="For how long", choices=[("", "Choose …"), *MUTE_DAYS], coerce=int
    )
    reason = note_field("Why", "Such as: known and seen daily; the plan was changed on Monday.")

    def __init__(self, *args: Any, rules: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rule"].choices = [  # type: ignore[attr-defined]
            (rule, f"{rule}: {MUTABLE_RULES[rule]}") for rule in rules if rule in MUTABLE_RULES
        ]
