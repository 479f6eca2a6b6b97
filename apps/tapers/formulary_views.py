"""Staff pages of the formulary."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.clinical.drugs import get_drug
from apps.patients.access import member_of, requires
from apps.patients.lists import Listing, show_list
from apps.patients.permissions import Right, may
from apps.tapers.formulary_actions import FormularyConflictError, save_formulary
from apps.tapers.formulary_forms import FormularyForm
from apps.tapers.models import FormularyItem

PER_PAGE = 30
COLUMNS = (
    ("Drug", lambda item: get_drug(item.drug_id).name), ("Strength in mg", "strength_mg"),
    ("Form", "form"), ("Smallest part", "smallest_part"),
)  # fmt: skip


@require_GET
@requires(Right.SEE_ROTA)
def formulary(request: HttpRequest) -> HttpResponse:
    """Show what is in stock and how it was changed."""
    member = member_of(request)
    changes = member.clinic.formulary_changes.select_related("saved_by")
    items = FormularyItem.objects.stocked().filter(clinic=member.clinic)
    context = {
        "items": items,
        "page_obj": Paginator(changes, PER_PAGE).get_page(request.GET.get("page")),
        "may_edit": may(member, Right.EDIT_FORMULARY),
    }
    listing = Listing("formulary", COLUMNS, lambda: items)
    return show_list(request, listing, "tapers/formulary.html", context)


@require_http_methods(["GET", "POST"])
@requires(Right.EDIT_FORMULARY)
def formulary_edit(request: HttpRequest) -> HttpResponse:
    """Tick what is in stock."""
    member = member_of(request)
    form = FormularyForm(request.POST if request.method == "POST" else None, clinic=member.clinic)
    if form.is_bound and form.is_valid():
        try:
            save_formulary(
                clinic=member.clinic, stocked=form.stocked, by=member.user, now=timezone.now(),
                based_on=form.cleaned_data["based_on"],
            )  # fmt: skip
        except FormularyConflictError as conflict:
            form.add_error(None, str(conflict))
            last = member.clinic.formulary_changes.first()
            data = request.POST.copy()
            data["based_on"] = str(last.number if last else 0)
            form.data = data
        else:
            messages.success(request, "The formulary is saved. New plans use it at once.")
            return redirect("tapers:formulary")
    status = 422 if form.is_bound else 200
    return render(request, "tapers/formulary_edit.html", {"form": form}, status=status)
