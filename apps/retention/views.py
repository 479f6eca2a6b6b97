"""The clinical lead's pages: how long records are kept, what is due, and what was removed."""

from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.proof import require_recent_proof
from apps.audit.actions import record
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right
from apps.retention import actions
from apps.retention.actions import AT_ONCE, RetentionError
from apps.retention.due import OldRecord, old_records
from apps.retention.forms import EraseForm, HoldForm, RulesForm
from apps.retention.models import ErasureDecision, LegalHold, RetentionRules, rules_of
from apps.retention.rules import Kind

WHO: Final = (
    ("Reference", "patient.reference"), ("Family name", "patient.family_name"),
    ("Given name", "patient.given_name"),
)  # fmt: skip
HOLD_COLUMNS: Final = (
    *WHO, ("Why", "reason"), ("Since", "set_at"), ("Set by", "set_by.full_name"),
)  # fmt: skip
DECISION_COLUMNS: Final = (
    ("Signed", "signed_at"), ("By", "signed_by.full_name"), ("Note", "note"),
    ("Records", lambda row: len(row.items.all())), ("Begins", "begins_at"),
    ("Withdrawn", "withdrawn_at"), ("Done", "done_at"),
)  # fmt: skip
DUE_COLUMNS: Final = (
    *WHO, ("Born", "patient.birth_date"), ("Kind", "kind"), ("Last entry", "last_on"),
    ("Due since", "due_on"), ("Why it stays", "why_kept"),
)  # fmt: skip
ITEM_COLUMNS: Final = (
    ("Record", "reference"), ("Kind", "kind"), ("Due since", "due_on"), ("State", "state"),
    ("Why it was kept", "why_kept"), ("When", "settled_at"), ("Rows", "rows"),
)  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.KEEP_RECORDS)
def records(request: HttpRequest) -> HttpResponse:
    """Show the years in force, the holds and the decisions, and store other years."""
    member = member_of(request)
    rules = rules_of(member.clinic_id)
    initial = {f"{kind}_years": getattr(rules, f"{kind}_years") for kind in Kind} if rules else {}
    version = rules.version if rules else 0
    form = RulesForm(request.POST or None, initial=initial | {"version": version})
    if request.method == "POST" and form.is_valid():
        require_recent_proof(request, "Change how long records are kept")
        try:
            actions.set_rules(
                clinic=member.clinic, years=form.years(), version=form.cleaned_data["version"],
                by=member.user, now=timezone.now(),
            )  # fmt: skip
        except RetentionError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Saved. Nothing goes until you have signed for it.")
            return redirect("retention:records")
    return render_records(request, form, rules)


def render_records(
    request: HttpRequest, form: RulesForm, rules: RetentionRules | None
) -> HttpResponse:
    """Render the first page; it names patients who are on hold, so looking is on record."""
    member, now = member_of(request), timezone.now()
    holds = LegalHold.objects.in_force().filter(clinic_id=member.clinic_id)
    decisions = ErasureDecision.objects.filter(clinic_id=member.clinic_id)
    on_hold = list(holds.select_related("patient", "set_by"))
    signed = list(decisions.select_related("signed_by").prefetch_related("items"))
    context = {
        "form": form,
        "rules": rules,
        "holds": on_hold,
        "decisions": signed,
        "now": now,
        "list_missing": not settings.ERASURE_LIST,
    }
    lists = (
        Listing("holds", HOLD_COLUMNS, lambda: on_hold, "patient_id", title="Legal holds"),
        Listing("removals", DECISION_COLUMNS, lambda: signed, title="Signed removals"),
    )
    status = 422 if form.is_bound else 200
    return show_list(
        request, lists, "retention/records.html", context, shown=on_hold, status=status
    )


@require_http_methods(["GET", "POST"])
@requires(Right.KEEP_RECORDS)
def due(request: HttpRequest) -> HttpResponse:
    """Show what would go and what stays although it is old, and take the signature."""
    member, now = member_of(request), timezone.now()
    rules = rules_of(member.clinic_id)
    if rules is None:
        return redirect("retention:records")
    old = old_records(rules, now)
    may_go = [each for each in old if not each.why_kept][:AT_ONCE]
    form = EraseForm(request.POST or None, request=request, may_go=may_go)
    if request.method == "POST" and form.is_valid():
        try:
            decision = actions.sign_erasure(
                rules=rules, patient_ids=form.chosen(), note=form.cleaned_data["note"],
                method=form.proof_method, by=member.user, now=now,
            )  # fmt: skip
        except RetentionError as error:
            form.add_error(None, str(error))
        else:
            form.was_used()
            return redirect("retention:decision", decision.pk)
    return render_due(request, form, old, may_go)


def render_due(
    request: HttpRequest, form: EraseForm, old: list[OldRecord], may_go: list[OldRecord]
) -> HttpResponse:
    """Render the preview; it names patients, so looking is on record."""
    kept = [each for each in old if each.why_kept]
    context: dict[str, Any] = {
        "form": form,
        "may_go": [(each, form.is_ticked(each)) for each in may_go],
        "kept": kept[:AT_ONCE],
        "more": len(old) - len(kept) - len(may_go),
        "begins_after": actions.BEGINS_AFTER.days,
    }
    listing = Listing("retention", DUE_COLUMNS, lambda: old, "patient.pk")
    status = 422 if form.is_bound else 200
    return show_list(
        request, listing, "retention/due.html", context,
        shown=[*may_go, *context["kept"]], status=status,
    )  # fmt: skip


@require_GET
@requires(Right.KEEP_RECORDS)
def decision(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """Show one signed removal: who signed what, and what became of each record."""
    rows = ErasureDecision.objects.select_related("signed_by", "withdrawn_by")
    found = fetch_in_scope(request, rows, pk=decision_id)
    items = list(found.items.all())
    context = {
        "decision": found,
        "items": items,
        "erased": sum(item.state == "erased" for item in items),
        "kept": sum(item.state == "kept" for item in items),
        "rows": sum(item.rows for item in items),
        "now": timezone.now(),
        "can_withdraw": found.can_be_withdrawn(timezone.now()),
        "list_missing": not settings.ERASURE_LIST,
    }
    listing = Listing("removed", ITEM_COLUMNS, lambda: items, "patient_id")
    return show_list(request, listing, "retention/decision.html", context, shown=items)


@require_POST
@requires(Right.KEEP_RECORDS)
def withdraw(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """Take a signed removal back before it begins."""
    found = fetch_in_scope(request, ErasureDecision.objects.all(), pk=decision_id)
    try:
        actions.withdraw_erasure(decision=found, by=member_of(request).user, now=timezone.now())
    except RetentionError as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, "Withdrawn. All of these records stay.")
    return redirect("retention:decision", found.pk)


@require_http_methods(["GET", "POST"])
@requires(Right.KEEP_RECORDS)
def hold(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Keep one record whatever its age, or end that."""
    patient, me = fetch_patient(request, patient_id), member_of(request).user
    present = LegalHold.objects.in_force().filter(patient=patient).first()
    form = HoldForm(request.POST or None, ends=present is not None)
    if request.method == "POST" and form.is_valid():
        reason, now = form.cleaned_data["reason"], timezone.now()
        ends = request.POST.get("hold") == "end"
        if ends and present is not None:
            require_recent_proof(request, f"End the legal hold of {patient.reference}")
            actions.end_hold(hold=present, reason=reason, by=me, now=now)
            messages.success(request, "The legal hold is ended. The record's years count again.")
        elif not ends:
            actions.set_hold(patient=patient, reason=reason, by=me, now=now)
            messages.success(request, "This record stays, whatever its age.")
        return redirect("retention:hold", patient.pk)
    return render_hold(request, patient, form, present)


def render_hold(
    request: HttpRequest, patient: Patient, form: HoldForm, present: LegalHold | None
) -> HttpResponse:
    """Render a patient's holds."""
    record(
        "legal_hold.viewed", by=member_of(request).user, now=timezone.now(),
        clinic_id=patient.clinic_id, patient_id=patient.pk, obj=patient,
    )  # fmt: skip
    past = LegalHold.objects.filter(patient=patient).exclude(ended_at=None)
    context = {
        "patient": patient,
        "form": form,
        "present": present,
        "past": past.select_related("set_by", "ended_by"),
    }
    return render(request, "retention/hold.html", context, status=422 if form.is_bound else 200)
