"""The form by which a clinic admin lets a program in."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms

from apps.patients.models import StaffMember
from apps.patients.refusals import OneOf
from apps.programs.scopes import Scope


class PersonField(OneOf):
    """Somebody on the staff, by name and role."""

    def label_from_instance(self, obj: Any) -> str:
        """Return how a person is listed."""
        return f"{obj.user.full_name}, {obj.get_role_display()}"


class ProgramForm(forms.Form):
    """Which program, in whose name, for what."""

    name = forms.CharField(
        label="What the program is called", max_length=60,
        help_text="As the record shall show it, such as “Waiting-room tablet”.",
    )  # fmt: skip
    member = PersonField(
        label="Acts in the name of", queryset=StaffMember.objects.none(),
        empty_label="Choose a person",
        help_text="It may do what this person may do and no more. They agree first, and get its "
        "secret; you never see it.",
    )  # fmt: skip
    scopes = forms.MultipleChoiceField(
        label="What it may ask for", choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, clinic_id: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = StaffMember.objects.active().filter(clinic_id=clinic_id).select_related("user")
        self.fields["member"].queryset = people  # type: ignore[attr-defined]
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("let_in", "Ask this person"))
