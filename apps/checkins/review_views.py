"""Staff pages of risk-benefit reviews: one patient's, what is due in the clinic, how often."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.checkins.clock_sweep import off_medicine_of
from apps.checkins.review_actions import record_review
from apps.checkins.review_forms import ReviewForm, ReviewPolicyForm
from apps.clinical.errors import ClinicalError
from apps.clinical.reviews import review_interval
from apps.patients.access import fetch_patient, member_of, requires, saw
from apps.patients.intake import renewal_of, review_state
from apps.patients.lists import Listing, show_list
from apps.patients.models import OWED_ON, Patient, ReviewClock, ReviewPolicy
from apps.patients.permissions import Right, may
from apps.patients.review_actions import ReviewDateError, set_review_policy

PER_PAGE = 50
PATIENTS = Patient.objects.select_related("risk", "medication", "clinic")
COLUMNS = (
    ("Reviewed", "reviewed_on"), ("What follows", "get_outcome_display"),
    ("Benefits and risks", "note"), ("PDMP checked", "pdmp_checked"),
    ("By", "recorded_by.full_name"), ("Next by", "next_due_on"),
)  # fmt: skip
DUE_COLUMNS = (
    ("Reference", "clock.patient.reference"), ("Family name", "clock.patient.family_name"),
    ("Given name", "clock.patient.given_name"), ("Review due", "clock.due_on"),
    ("Owed by", "clock.owed_on"), ("When", "when"), ("Overdue", "overdue"),
    ("Sooner because", lambda row: "; ".join(row["because"])),
)  # fmt: skip


@require_GET
@requires(Right.SEE_PATIENTS)
def review(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Show a patient's reviews and when the next one is due."""
    patient = fetch_patient(request, patient_id, PATIENTS.all())
    saw(request, "reviews.viewed", patient)
    reviews = patient.reviews.select_related("recorded_by")
    context = {
        "patient": patient,
        "review": review_state(patient, timezone.localdate(timezone=patient.tz)),
        "reviews": reviews,
        "may_review": may(member_of(request), Right.PLAN_TAPERS),
    }
    listing = Listing("reviews", COLUMNS, lambda: reviews, of=patient)
    return show_list(request, listing, "checkins/review.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.PLAN_TAPERS)
def review_create(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Record a review."""
    patient = fetch_patient(request, patient_id, PATIENTS.all())
    today = timezone.localdate(timezone=patient.tz)
    data = request.POST if request.method == "POST" else None
    form = ReviewForm(data, initial={"reviewed_on": today})
    if form.is_bound and form.is_valid():
        try:
            by, now = member_of(request).user, timezone.now()
            record_review(patient=patient, by=by, now=now, **form.cleaned_data)
        except ReviewDateError as wrong:
            form.add_error(wrong.field, str(wrong))
        else:
            messages.success(request, "The review is recorded, and the next one has its date.")
            return redirect("checkins:review", patient.pk)
    context = {"patient": patient, "form": form, "review": review_state(patient, today)}
    status = 422 if form.is_bound else 200
    return render(request, "checkins/review_form.html", context, status=status)


@require_GET
@requires(Right.SEE_PATIENTS)
def review_list(request: HttpRequest) -> HttpResponse:
    """List followed patients by when their review is due, the most overdue first."""
    member = member_of(request)
    clocks = (
        ReviewClock.objects.filter(clinic=member.clinic, patient__status=Patient.Status.ACTIVE)
        .exclude(off_medicine_of())
        .select_related("patient__risk")
        .order_by(OWED_ON)
    )
    page = Paginator(clocks, PER_PAGE).get_page(request.GET.get("page"))
    policy = ReviewPolicy.objects.filter(clinic=member.clinic).first() or ReviewPolicy()
    today = timezone.localdate()
    context: dict[str, Any] = {
        "rows": [row_of(clock, today) for clock in page.object_list],
        "page_obj": page, "policy": policy,
        "may_set": may(member, Right.SET_CLINICAL_LIMITS),
        "may_review": may(member, Right.PLAN_TAPERS),
    }  # fmt: skip
    listing = Listing(
        "review_list", DUE_COLUMNS, lambda: (row_of(clock, today) for clock in clocks.iterator()),
        "clock.patient_id",
    )  # fmt: skip
    return show_list(request, listing, "checkins/review_list.html", context, shown=context["rows"])


def row_of(clock: ReviewClock, today: date) -> dict[str, Any]:
    """Return a line of the list: when it is due in words, and why sooner than usual."""
    days = (clock.owed_on - today).days
    when = "due today" if not days else f"in {days} days" if days > 1 else "tomorrow"
    if days < 0:
        when = f"overdue by {-days} day{'s' if days < -1 else ''}"
    risk = clock.patient.risk
    found = review_interval(risk.opioid_rx, risk.uses_substances).because
    because = [f"the patient {w}" if w.startswith(("takes", "has")) else w for w in found]
    return {
        "clock": clock, "overdue": days < 0, "when": when, "because": because,
        "renewal": renewal_of(clock, risk),
    }  # fmt: skip


@require_http_methods(["GET", "POST"])
@requires(Right.SET_CLINICAL_LIMITS)
def review_policy(request: HttpRequest) -> HttpResponse:
    """Set how often the clinic reviews."""
    member = member_of(request)
    policy = ReviewPolicy.objects.filter(clinic=member.clinic).first() or ReviewPolicy()
    data = request.POST if request.method == "POST" else None
    initial = {"usual_days": policy.usual_days, "strict_days": policy.strict_days}
    form = ReviewPolicyForm(data, initial=initial)
    if form.is_bound and form.is_valid():
        try:
            set_review_policy(
                clinic=member.clinic, by=member.user, now=timezone.now(), **form.cleaned_data
            )
        except ClinicalError as wrong:
            form.add_error("strict_days", str(wrong))
        else:
            messages.success(request, "Saved. Every patient's next review has moved with it.")
            return redirect("checkins:review_list")
    status = 422 if form.is_bound else 200
    return render(request, "checkins/review_policy.html", {"form": form}, status=status)
