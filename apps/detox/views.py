"""Staff pages of care around a stay: the overview, level of care, referral."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.proof import require_recent_proof
from apps.alerts.models import Alert
from apps.alerts.states import TransitionError
from apps.clinical.risk import tier_from_factors
from apps.detox.care_actions import SignOffError, assess_care
from apps.detox.care_page import page_of, reason_of
from apps.detox.forms import CareLevelForm, MoveForm, ReferForm
from apps.detox.hand_over import last_dose_lines
from apps.detox.models import Referral
from apps.detox.referral_actions import ReferralError, move_referral, refer_patient
from apps.detox.states import REFERRAL_TRANSITIONS, ReferralStatus
from apps.patients.access import fetch_in_scope, fetch_patient, member_of, requires, saw
from apps.patients.lists import Listing, show_list
from apps.patients.models import Patient
from apps.patients.permissions import Right, may
from apps.patients.refusals import note_refused
from apps.patients.risk_actions import assess_risk

PATIENTS = Patient.objects.select_related("risk", "medication", "clinic")
COLUMNS = (
    ("Sent", "sent_at"), ("Unit", "facility.name"), ("How", "get_how_display"),
    ("Reason", "reason"), ("Answer due", "due_at"), ("State", "get_status_display"),
    ("Sent by", "sent_by.full_name"),
)  # fmt: skip
REFERRALS = Referral.objects.select_related(
    "patient__risk", "patient__medication", "patient__clinic", "facility", "sent_by", "alert"
)


@require_GET
@requires(Right.SEE_PATIENTS)
def care(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show level of care, referrals, stay and what follows a discharge, on one page."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    saw(request, "care.viewed", patient)
    member = member_of(request)
    page = page_of(patient, timezone.now())
    context = page | {
        "may_decide": may(member, Right.PLAN_TAPERS),
        "may_refer": may(member, Right.HANDLE_ALERTS),
    }
    listing = Listing("referrals", COLUMNS, lambda: page["referrals"], of=patient,
                      title="Referrals")  # fmt: skip
    return show_list(request, listing, "detox/care.html", context)


def factor_words(factors: tuple[str, ...]) -> str:
    """Return what risk factors say in words."""
    return "; ".join(reason.note for reason in tier_from_factors(factors).reasons)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def level(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Answer the level-of-care questions; another decision than suggested needs a reason.

    The reason is signed with: it takes a fresh proof, and all that was typed is kept for it.
    """
    patient = fetch_patient(request, patient_id, PATIENTS)
    risk = assess_risk(patient, patient.risk, timezone.localdate(timezone=patient.tz))
    data = request.POST if request.method == "POST" else None
    form = CareLevelForm(data, risk=risk, factor_words=factor_words)
    found = None
    if form.is_bound and form.is_valid():
        if form.cleaned_data["sign_off"].strip():
            act = f"Decide another level of care for {patient.reference} than suggested"
            require_recent_proof(request, act)
        try:
            by, now = member_of(request).user, timezone.now()
            row = assess_care(patient=patient, by=by, now=now, **form.cleaned_data)
        except SignOffError as error:
            form.add_error("sign_off", str(error))
            found = error.suggested
        else:
            messages.success(request, f"Level of care: {row.get_decided_display().lower()}.")
            return redirect("detox:care", patient.pk)
    context = {"patient": patient, "form": form, "found": found}
    return render(request, "detox/level.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@requires(Right.HANDLE_ALERTS)
def refer(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Refer the patient to a unit; from an alert everything is filled in."""
    patient = fetch_patient(request, patient_id, PATIENTS)
    alert = alert_of(request, patient)
    member, data = member_of(request), request.POST if request.method == "POST" else None
    form = ReferForm(
        data,
        clinic_id=member.clinic_id,
        initial={"reason": reason_of(alert), "how": Referral.How.PHONE},
    )
    if form.is_bound and form.is_valid():
        try:
            row = refer_patient(
                patient=patient, alert=alert, by=member.user, now=timezone.now(),
                **form.cleaned_data,
            )  # fmt: skip
        except ReferralError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, "Referred. The next cut is held, and the clock runs.")
            return redirect("detox:referral", row.pk)
    context = {
        "patient": patient, "form": form, "alert": alert,
        "units": form.fields["facility"].queryset,  # type: ignore[attr-defined]
        "may_edit_units": may(member, Right.EDIT_DIRECTORY),
        "live": patient.referrals.live().select_related("facility", "sent_by").first(),
    }  # fmt: skip
    return render(request, "detox/refer.html", context, status=422 if form.is_bound else 200)


def alert_of(request: HttpRequest, patient: Patient) -> Alert | None:
    """Return the patient's own alert that the address names, None for none."""
    key = request.GET.get("alert", "")
    try:
        found = Alert.objects.filter(patient=patient, pk=UUID(key)).first()
    except ValueError:
        return None
    if found is None:
        note_refused(key)
    return found


@require_GET
@requires(Right.SEE_PATIENTS)
def referral(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Show a referral: where it stands, what was handed over, what can be done."""
    row: Referral = fetch_in_scope(request, REFERRALS, pk=referral_id)
    saw(request, "referral.viewed", row.patient, row)
    return show_referral(request, row)


def show_referral(request: HttpRequest, row: Referral, form: MoveForm | None = None,
                  status: int = 200) -> HttpResponse:  # fmt: skip
    """Render the page; `form` is the one that was posted and is not right."""
    member = member_of(request)
    targets = [to for to in REFERRAL_TRANSITIONS[ReferralStatus(row.status)]
               if to != ReferralStatus.DISCHARGED]  # fmt: skip
    context = {
        "referral": row, "patient": row.patient, "document": row.document,
        "last_dose": last_dose_lines(row.document["last_dose"], row.patient.clinic.tz),
        "steps": row.steps.select_related("by"), "form": form or MoveForm(),
        "targets": [(to.value, Referral.Status(to).label) for to in targets],
        "is_late": row.is_late(timezone.now()), "stay": getattr(row, "stay", None),
        "may_decide": may(member, Right.PLAN_TAPERS), "may_move": may(member, Right.HANDLE_ALERTS),
    }  # fmt: skip
    return render(request, "detox/referral.html", context, status=status)


@require_POST
@requires(Right.HANDLE_ALERTS)
def referral_move(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Write down what the unit or the patient said."""
    row: Referral = fetch_in_scope(request, REFERRALS, pk=referral_id)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return show_referral(request, row, form, 422)
    try:
        moved = move_referral(
            referral=row, by=member_of(request).user, now=timezone.now(), **form.cleaned_data
        )
    except ReferralError as error:
        form.add_error(error.field or "note", str(error))
        return show_referral(request, row, form, 422)
    except TransitionError as error:
        messages.warning(request, str(error))
        return redirect("detox:referral", row.pk)
    messages.success(request, f"The referral is {moved.get_status_display().lower()}.")
    return redirect("detox:referral", row.pk)
