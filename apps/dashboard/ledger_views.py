"""The clinical lead's pages: what rules were worth, and a threshold tried on the past."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.audit.actions import record
from apps.clinical.triage import RULES_BY_ID
from apps.clinical.what_if import THRESHOLDS
from apps.dashboard.ledger import LISTED, ledger_of, try_threshold
from apps.patients.access import member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right

COLUMNS = (
    ("Rule", "rule_id"), ("In words", "plain"), ("Level", "level_label"), ("Fired", "fired"),
    ("Acted on", "acted"), ("False", "false"), ("Not closed", "still_open"),
    ("Handed over", "handed_over"), ("Opened again", "reopened"),
    ("Taken after, median", "median_to_ack"), ("Act after, median", "median_to_act"),
)  # fmt: skip
PERIODS = [(30, "30 days"), (90, "90 days"), (365, "a year")]


class TrialForm(forms.Form):
    """Which rule, with which number, over which period."""

    rule = forms.ChoiceField(label="Rule", widget=forms.RadioSelect)
    number = forms.IntegerField(label="Number to try", min_value=1, max_value=40)
    days = forms.TypedChoiceField(label="On the check-ins of the last", choices=PERIODS, coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rule"].choices = [  # type: ignore[attr-defined]
            (key, f"{key.partition('_')[0]}: {RULES_BY_ID[key].plain} Now {one.present}.")
            for key, one in THRESHOLDS.items()
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse a number that the rule cannot have, beside the field."""
        values = super().clean() or {}
        one, number = THRESHOLDS.get(values.get("rule", "")), values.get("number")
        if one and number is not None and not one.lowest <= number <= one.highest:
            self.add_error("number", f"This rule takes {one.lowest} to {one.highest}.")
        return values


@require_GET
@requires(Right.SEE_LEDGER)
def ledger(request: HttpRequest) -> HttpResponse:
    """Show per rule what fired, what was acted on, what was false, and how long it took."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(value) for value, _ in PERIODS} else PERIODS[0][0]
    now = timezone.now()
    lines = ledger_of(member_of(request).clinic, now - timedelta(days=days), now)
    context = {"lines": lines, "days": days, "periods": PERIODS, "form": TrialForm()}
    listing = Listing("ledger", COLUMNS, lambda: lines)
    return show_list(request, listing, "dashboard/ledger.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.SEE_LEDGER)
def ledger_trial(request: HttpRequest) -> HttpResponse:
    """Show what another threshold would have made of past check-ins. Changes no rule.

    Asked by POST: the name of a rule is a health word, which no address may hold.
    """
    member, now = member_of(request), timezone.now()
    form = TrialForm(request.POST or None)
    if not form.is_valid():
        status = 422 if form.is_bound else 200
        return render(request, "dashboard/ledger_trial.html", {"form": form}, status=status)
    asked = form.cleaned_data
    since = now - timedelta(days=asked["days"])
    trial = try_threshold(member.clinic, asked["rule"], asked["number"], since, now)
    record(
        "ledger.tried", by=member.user, now=now, clinic_id=member.clinic_id, obj=member.clinic,
        rule=asked["rule"], number=asked["number"], days=asked["days"],
    )  # fmt: skip
    context = {"form": form, "trial": trial, "threshold": THRESHOLDS[asked["rule"]],
               "number": asked["number"], "listed": LISTED}  # fmt: skip
    return render(request, "dashboard/ledger_trial.html", context)
