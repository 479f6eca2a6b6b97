"""The hand-over of a referral, handed out: on paper, and for another program."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from apps.accounts.costly import costly
from apps.detox.models import Referral
from apps.detox.referral_actions import note_document_taken
from apps.exchange.referral_papers import referral_bundle, referral_pdf
from apps.exchange.views import pdf_response
from apps.patients.access import fetch_in_scope, member_of, requires
from apps.patients.permissions import Right

REFERRALS = Referral.objects.select_related("patient", "facility", "sent_by")


@require_GET
@requires(Right.SEE_PATIENTS)
@costly
def paper(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Hand out the document as a PDF."""
    row = fetch(request, referral_id, "pdf")
    return pdf_response(referral_pdf(row), f"hand-over-{row.patient.reference}")


@require_GET
@requires(Right.SEE_PATIENTS)
@costly
def bundle(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """Hand out the document as a FHIR bundle."""
    row = fetch(request, referral_id, "fhir")
    response = HttpResponse(referral_bundle(row), content_type="application/fhir+json")
    name = f"hand-over-{row.patient.reference}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def fetch(request: HttpRequest, referral_id: UUID, form: str) -> Referral:
    """Return the referral in scope, and write down who took it as what."""
    row: Referral = fetch_in_scope(request, REFERRALS, pk=referral_id)
    note_document_taken(referral=row, form=form, by=member_of(request).user, now=timezone.now())
    return row
