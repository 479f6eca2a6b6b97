"""Closing a task: an outcome and, where it does not say all, a note."""

from typing import Any

from django import forms

from apps.checkins.models import CareTask
from apps.checkins.task_ends import choices_for, how_it_ends
from apps.patients.models import StaffMember
from apps.patients.permissions import RIGHTS, Right
from apps.patients.refusals import OneOf


class TaskForm(forms.Form):
    """What came of a task: only what may end one of this kind is offered, and why is said."""

    outcome = forms.ChoiceField(
        error_messages={"required": "Choose what came of it."},
    )
    note = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What was said and agreed. Only the care team reads it.",
    )

    def __init__(
        self, *args: Any, kind: str, may_decide: bool, title: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field, why = self.fields["outcome"], how_it_ends(kind, title)
        self.can_close = bool(choices := choices_for(kind, title, may_decide=may_decide))
        field.choices = [("", "Choose…"), *choices]  # type: ignore[attr-defined]
        field.help_text = why
        if why:
            field.error_messages["invalid_choice"] = why

    def clean(self) -> dict[str, Any]:
        """Ask for a note where the outcome says nothing."""
        values = super().clean() or {}
        if values.get("outcome") == CareTask.Outcome.OTHER and not values.get("note", "").strip():
            self.add_error("note", "Write what came of it.")
        return values


class DelegateForm(forms.Form):
    """Who does it from now on; nobody is the whole team."""

    to = OneOf(
        label="Give it to",
        queryset=StaffMember.objects.none(),
        required=False,
        empty_label="The team: whoever is free",
    )
    note = forms.CharField(
        label="What they must know", required=False, max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip

    def __init__(self, *args: Any, clinic_id: Any, **kwargs: Any) -> None:
        # The page of a task has a note in two forms: each label must find its own.
        super().__init__(*args, **kwargs | {"auto_id": "hand_on_%s"})
        people = StaffMember.objects.active().filter(clinic_id=clinic_id)
        able = [role for role, rights in RIGHTS.items() if Right.HANDLE_ALERTS in rights]
        self.fields["to"].queryset = people.filter(role__in=able).select_related("user")  # type: ignore[attr-defined]


class CommentForm(forms.Form):
    """One line of the conversation about a task."""

    text = forms.CharField(
        label="Comment",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": "Write the comment first."},
    )


class FollowUpForm(DelegateForm):
    """A task of the team's own: what, until when, by whom."""

    title = forms.CharField(
        label="What to do",
        max_length=120,
        error_messages={"required": "Say what is to be done, such as: call about sleep."},
    )
    due_on = forms.DateField(
        label="Until",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"required": "Choose a day.", "invalid": "Choose a day."},
    )

    field_order = ("title", "due_on", "to", "note")
