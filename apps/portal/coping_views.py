"""The coping plan: what helps in a bad hour, open at 3 a.m., kept on the phone if wished."""

import json

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from apps.portal.access import own_page, patient_of, show
from apps.portal.actions import write_down

FILES = ("css/tokens.css", "css/patient.css", "css/portal.css", "js/coping.js", "img/mark.svg",
         "img/favicon.svg")  # fmt: skip


@require_GET
@own_page()
def coping(request: HttpRequest) -> HttpResponse:
    """Show the newest coping plan; with `kept` the copy for the phone, without menu or forms."""
    patient, kept = patient_of(request), request.GET.get("kept") == "1"
    event = "portal.coping_kept" if kept else "portal.coping_viewed"
    write_down(event, patient, patient, patient, timezone.now())
    context = {"plan": patient.coping_plans.first(), "kept": kept}
    return show(request, "coping", context | ({"is_full": False} if kept else {}))


@login_not_required
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker of this page alone; it knows no patient."""
    lines = (
        f"const PAGE = {json.dumps(reverse('portal:coping'))};",
        f"const FILES = {json.dumps([static(name) for name in FILES])};",
        f"importScripts({json.dumps(static('js/coping-worker.js'))});",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/javascript; charset=utf-8")
