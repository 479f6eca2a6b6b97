"""The check-in as an installed app: its first page, its manifest, its service worker (ADR 15)."""

import hashlib
import json

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

# What a page of the check-in needs; the worker keeps these and the blank forms.
FILES = (
    "css/tokens.css", "css/patient.css", "js/outbox.js", "js/checkin.js", "js/copy.js",
    "js/offline.js", "img/mark.svg", "img/favicon.svg",
)  # fmt: skip


@login_not_required
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Show what waits on this phone, or where a check-in begins; knows no patient."""
    return render(request, "checkins/start.html", {"language": get_language()})


@login_not_required
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker of the check-in pages; a changed file makes a new one."""
    shell = [static(name) for name in FILES]
    version = hashlib.sha256(" ".join([*shell, static("js/worker.js")]).encode()).hexdigest()[:12]
    scripts = [static("js/outbox.js"), static("js/worker.js")]
    lines = (
        f"const CACHE = {json.dumps('checkins-' + version)};",
        f"const SHELL = {json.dumps([reverse('checkins:start'), *shell])};",
        f"importScripts(...{json.dumps(scripts)});",
    )
    return HttpResponse("\n".join(lines) + "\n", content_type="text/javascript; charset=utf-8")


@login_not_required
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Return what makes the check-in pages installable on a phone."""
    start_url = reverse("checkins:start")
    icons = [
        {"src": static(f"img/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png",
         "purpose": "any maskable"}
        for size in (192, 512)
    ]  # fmt: skip
    found = {
        "id": start_url, "start_url": start_url, "scope": start_url, "display": "standalone",
        "name": gettext("Your check-in"), "short_name": gettext("Check-in"),
        "lang": get_language(), "background_color": "#f5f4f0", "theme_color": "#0e5a55",
        "icons": icons,
    }  # fmt: skip
    return JsonResponse(found, content_type="application/manifest+json")
