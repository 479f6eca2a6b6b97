"""Forms of the staff page and of the page behind an invitation."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms
from django.contrib.auth.password_validation import validate_password

from apps.accounts.models import User
from apps.patients.models import Role


class AgreementFields(forms.Form):
    """Who agreed to a clinical role: asked where no lead or prescriber could agree here.

    Whether the role needs it is judged by the act.
    """

    def __init__(self, *args: Any, asks_who_agreed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if asks_who_agreed:
            self.ask_who_agreed()

    def ask_who_agreed(self) -> None:
        """Add the field."""
        self.fields["agreement"] = forms.CharField(
            label="Who agreed to the role, and how", max_length=200, required=False,
            help_text="For a role that sees patients: this clinic has no clinical lead or "
            "prescriber who could agree here. For instance: the medical director, in writing, on "
            "3 May. Later leads read it.",
        )  # fmt: skip


class InviteForm(AgreementFields):
    """Whom to invite, and as what."""

    email = forms.EmailField(label="Work e-mail", max_length=254)
    role = forms.ChoiceField(label="Role", choices=[("", "Choose a role"), *Role.choices])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("invite", "Send the invitation"))


class RoleForm(AgreementFields):
    """Another role for somebody on the staff."""

    role = forms.ChoiceField(label="Role", choices=Role.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("save", "Save the role"))


class JoinForm(forms.Form):
    """Name and password of somebody who was invited."""

    full_name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="As colleagues and the record shall show it.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=200,
        help_text="At least 12 characters. A few words in a row are easy to keep in mind.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("join", "Join"))

    def clean(self) -> dict[str, Any]:
        """Refuse a password that is short, common or made of the person's own name."""
        values: dict[str, Any] = super().clean() or {}
        if password := values.get("password"):
            person = User(email=self.email, full_name=values.get("full_name", ""))
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return values


class WelcomeBackForm(forms.Form):
    """Nothing to fill in: the person has an account already."""

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.add_input(Submit("join", "Join"))
