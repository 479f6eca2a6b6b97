"""The door of the demo: enter as anybody who is invented, and read the mails that were sent."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, login
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from apps.checkins.link_actions import create_link
from apps.database.scope import every_clinic
from apps.patients.middleware import SESSION_KEY
from apps.patients.models import Clinic, Patient, StaffMember
from apps.portal.access import enter
from apps.portal.sign_in_actions import open_session
from config.demo.doors import INVENTED, doors_of
from config.demo.mails import kept_mails, read_mail

BACKEND = settings.AUTHENTICATION_BACKENDS[0]


@login_not_required
@require_GET
@every_clinic()
def entry(request: HttpRequest) -> HttpResponse:
    """Offer every member of staff and a few patients of each clinic, one click each."""
    after = next_page(request)
    query = f"?{urlencode({REDIRECT_FIELD_NAME: after})}" if after else ""
    clinics = Clinic.objects.real()
    groups = [group_of(clinic, query) for clinic in clinics.order_by("-name")]
    return render(request, "demo/entry.html", {"groups": groups})


def group_of(clinic: Clinic, query: str) -> dict[str, Any]:
    """Return a clinic with the doors that lead into it."""
    members = StaffMember.objects.active().filter(clinic=clinic, user__email__endswith=INVENTED)
    return {
        "clinic": clinic,
        "staff": [
            {
                "user": member.user,
                "role_label": member.get_role_display(),
                "url": reverse("demo:enter_staff", args=[member.user_id]) + query,
            }
            for member in members.select_related("user").order_by("user__date_joined")
        ],
        "patients": [
            {
                "patient": patient,
                "note": note,
                "url": reverse("demo:enter_patient", args=[patient.pk]),
                "own_url": reverse("demo:enter_own_pages", args=[patient.pk]),
            }
            for patient, note in doors_of(clinic, timezone.now())
        ],
    }


def next_page(request: HttpRequest) -> str:
    """Return the page of this site that somebody wanted before they had to enter, or nothing."""
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    host = {request.get_host()}
    safe = url_has_allowed_host_and_scheme(wanted, host, require_https=request.is_secure())
    return wanted if safe else ""


@login_not_required
@require_POST
@every_clinic()
def enter_staff(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """Sign an invented member of staff in and go to the board, or where they wanted to go."""
    members = StaffMember.objects.active().select_related("user")
    invented = members.filter(user_id=user_id, user__email__endswith=INVENTED)
    member = invented.order_by("clinic__name").first()
    if member is None:
        raise Http404
    login(request, member.user, backend=BACKEND)
    request.session[SESSION_KEY] = str(member.clinic_id)
    return redirect(next_page(request) or "dashboard:board")


@login_not_required
@require_POST
@every_clinic()
def enter_patient(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Open a new check-in of an invented patient, as a reminder's link would."""
    patient = get_object_or_404(Patient, pk=patient_id, email__endswith=INVENTED)
    token = create_link(patient=patient, by=None, now=timezone.now())
    return redirect("checkins:create", token)


@login_not_required
@require_POST
@every_clinic()
def enter_own_pages(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """Sign an invented patient in to their own pages, as a code from the mail would."""
    patient = get_object_or_404(Patient, pk=patient_id, email__endswith=INVENTED)
    enter(request, open_session(patient=patient, now=timezone.now()))
    return redirect("portal:home")


@login_not_required
@require_GET
def mail_list(request: HttpRequest) -> HttpResponse:
    """Show the mails that were caught, newest first."""
    mails = list(kept_mails(settings.DEMO_MAIL_DIR))
    return render(request, "demo/mail_list.html", {"mails": mails})


@login_not_required
@require_GET
def mail_detail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show one mail."""
    mail = read_mail(settings.DEMO_MAIL_DIR, mail_id)
    if mail is None:
        raise Http404
    context = {"mail": mail, "linked_text": mail.linked_text(settings.SITE_URL)}
    return render(request, "demo/mail_detail.html", context)
