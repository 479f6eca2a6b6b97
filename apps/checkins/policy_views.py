"""The page on which a clinical lead decides how check-ins are handled."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.checkins.models import policy_of
from apps.checkins.policy_actions import PolicyChangedError, set_policy
from apps.checkins.policy_forms import FIELDS, PolicyForm
from apps.patients.access import member_of, requires
from apps.patients.permissions import Right


@require_http_methods(["GET", "POST"])
@requires(Right.SET_CHECK_IN_POLICY)
def policy(request: HttpRequest) -> HttpResponse:
    """Show the decisions in force and store others."""
    member = member_of(request)
    stored = policy_of(member.clinic_id)
    in_force = {name: getattr(stored, name) for name in (*FIELDS, "version")}
    form = PolicyForm(request.POST if request.method == "POST" else None, initial=in_force)
    if form.is_bound and form.is_valid():
        values = {name: form.cleaned_data[name] for name in FIELDS}
        version, now = form.cleaned_data["version"], timezone.now()
        try:
            set_policy(
                clinic=member.clinic, values=values, version=version, by=member.user, now=now
            )
        except PolicyChangedError as problem:
            return show_again(request, form, in_force, str(problem))
        messages.success(request, "Saved. It holds from now on.")
        return redirect("checkins:policy")
    status = 422 if form.is_bound else 200
    return render(request, "checkins/policy.html", {"form": form}, status=status)


def show_again(
    request: HttpRequest, form: PolicyForm, in_force: dict[str, Any], problem: str
) -> HttpResponse:
    """Return the page with what was typed, and beside it what somebody else has saved."""
    form.add_error(None, problem)
    for name in FIELDS:
        if form.cleaned_data.get(name) != in_force[name]:
            # The bound field has copied the text already, so it is the one to tell.
            form[name].help_text = f"In force now: {in_words(in_force[name])}."
    data = request.POST.copy()
    data["version"] = str(in_force["version"])
    form.data = data
    return render(request, "checkins/policy.html", {"form": form}, status=422)


def in_words(value: Any) -> str:
    """Return a decision as a reader says it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.strftime("%H:%M") if hasattr(value, "strftime") else str(value)
