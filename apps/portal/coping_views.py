"""The coping plan: what helps in a bad hour, open at 3 a.m., kept on the phone if wished."""

import json

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from apps.detox.support_actions import (
    TEXTS,
    CopingConflict,
    newest_and_earlier,
    words_of,
    write_coping_plan,
)
from apps.detox.support_forms import on_top_of
from apps.portal.access import own_page, patient_of, show
from apps.portal.actions import write_down
from apps.portal.forms import OwnCopingForm

FILES = ("css/tokens.css", "css/patient.css", "css/portal.css", "js/coping.js", "img/mark.svg",
         "img/favicon.svg")  # fmt: skip


@require_GET
@own_page()
def coping(request: HttpRequest) -> HttpResponse:
    """Show the newest coping plan; with `kept` the copy for the phone, without menu or forms."""
    patient, kept = patient_of(request), request.GET.get("kept") == "1"
    event = "portal.coping_kept" if kept else "portal.coping_viewed"
    write_down(event, patient, patient, patient, timezone.now())
    plan, earlier = newest_and_earlier(patient)
    context = {"plan": plan, "earlier": earlier, "kept": kept}
    return show(request, "coping", context | ({"is_full": False} if kept else {}))


@require_http_methods(["GET", "POST"])
@own_page()
def coping_edit(request: HttpRequest) -> HttpResponse:
    """Write or change the own coping plan; show what the team wrote meanwhile beside one's own."""
    patient, now = patient_of(request), timezone.now()
    newest = patient.coping_plans.first()
    data = request.POST if request.method == "POST" else None
    form = OwnCopingForm(data, initial=words_of(newest))
    theirs = None
    if form.is_bound and form.is_valid():
        values = form.cleaned_data
        based_on, texts = values["based_on"], {name: values[name] for name in TEXTS}
        try:
            write_coping_plan(patient=patient, texts=texts, based_on=based_on, by=patient, now=now)
        except CopingConflict as conflict:
            theirs = conflict.newest
            on_top_of(form, theirs)
        else:
            messages.success(request, _("Saved."))
            return redirect("portal:coping")
    write_down("portal.coping_viewed", patient, patient, patient, now)
    context = {"form": form, "theirs": theirs, "plan": newest}
    return show(request, "coping_edit", context, 422 if form.is_bound else 200)


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
