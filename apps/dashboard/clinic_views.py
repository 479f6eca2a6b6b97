"""Changing to another clinic in which the reader works."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from apps.accounts import kept
from apps.audit.actions import record
from apps.database.scope import enter_clinic, every_clinic
from apps.patients.access import member_of, requires
from apps.patients.middleware import choose
from apps.patients.models import StaffMember
from apps.patients.permissions import Right
from apps.patients.refusals import OneOf


class ClinicForm(forms.Form):
    """Where the reader wants to work, among the clinics whose staff they are."""

    clinic = OneOf(queryset=StaffMember.objects.none(), to_field_name="clinic_id")

    def __init__(self, *args: Any, user_id: Any) -> None:
        super().__init__(*args)
        mine = StaffMember.objects.active().filter(user_id=user_id).select_related("clinic")
        self.fields["clinic"].queryset = mine  # type: ignore[attr-defined]


@require_POST
@requires(Right.SEE_ROTA)
def choose_clinic(request: HttpRequest) -> HttpResponse:
    """Work in another clinic until the session ends or the person changes again.

    Each clinic's record names whoever came from or went to another one. What a page of the chosen
    clinic sent too late goes on from here, where the form asks for it.
    """
    before, form = member_of(request), ClinicForm(request.POST, user_id=request.user.pk)
    with every_clinic():
        chosen = form.cleaned_data["clinic"] if form.is_valid() else None
    if chosen is None:
        messages.warning(request, "You do not work in that clinic. Nothing was changed.")
        return redirect("dashboard:board")
    if chosen.pk != before.pk:
        now = timezone.now()
        record("clinic.left", by=before.user, now=now, clinic_id=before.clinic_id, obj=before)
        enter_clinic(chosen.clinic_id)
        record("clinic.entered", by=before.user, now=now, clinic_id=chosen.clinic_id, obj=chosen)
        choose(request, chosen)
        messages.success(request, f"You work in {chosen.clinic.name} now.")
    waits = request.POST.get("goes_on", "")
    if kept.find(request, waits):
        return redirect("account_go_on", waits)
    return redirect("dashboard:board")
