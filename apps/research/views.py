"""The clinical lead's page of the research export."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from apps.accounts.costly import costly
from apps.accounts.proof import require_recent_proof
from apps.patients.access import member_of, requires
from apps.patients.permissions import Right
from apps.research.actions import take_research_export
from apps.research.anonymity import K, TooFewError
from apps.research.collecting import standing
from apps.research.forms import ResearchExportForm


@require_http_methods(["GET", "POST"])
@requires(Right.EXPORT_RESEARCH)
@costly
def export(request: HttpRequest) -> HttpResponse:
    """Say what the file holds, ask for what it is, and hand it out after a proof."""
    member, form = member_of(request), ResearchExportForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        require_recent_proof(request, "Take rows for research along", is_file=True)
        asked = form.cleaned_data
        try:
            made = take_research_export(
                clinic=member.clinic, purpose=asked["purpose"], approval=asked["approval"],
                by=member.user, now=timezone.now(),
            )  # fmt: skip
        except TooFewError as error:
            form.add_error(None, str(error))
        else:
            headers = {"Content-Disposition": 'attachment; filename="research.zip"'}
            return HttpResponse(made.body, content_type="application/zip", headers=headers)
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "fewest": K, "standing": standing(member.clinic)}
    return render(request, "research/export.html", context, status=status)
