"""What machines ask: are alerts delivered, may traffic come, what are the figures."""

from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_GET

from apps.alerts.health import WATCHED, check_health
from apps.alerts.metrics import metrics
from apps.dashboard.queue_figures import queue_figures
from apps.database.scope import every_clinic
from config import figures


@login_not_required
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 503 while a process of the alert chain shows no sign of life, with what is wrong.

    `?process=web`, `dispatcher`, `sweep` or `worker` asks for one only: what an orchestrator
    restarts (docs/adr/0030-liveness.md). Trouble that no restart mends is told, with 200.
    """
    process = request.GET.get("process", "")
    if process == "web":  # it answers; without the database, too
        return JsonResponse({"ok": True, "problems": []})
    health = check_health(timezone.now())
    is_alive = process not in health.dead if process in WATCHED else not health.dead
    return JsonResponse(
        {"ok": is_alive, "problems": list(health.problems)}, status=200 if is_alive else 503
    )


@login_not_required
@require_GET
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when this process may serve: the database answers and is up to date.

    The broker is not asked: without it the dispatcher delivers, and pages work.
    """
    problems = []
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            problems.append("The database is older than the program: run migrate.")
    except Error:
        problems.append("The database does not answer.")
    return JsonResponse({"ok": not problems, "problems": problems}, status=503 if problems else 200)


@login_not_required
@require_GET
@every_clinic()
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus with the machinery's figures; 404 without the right token."""
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    if not settings.METRICS_TOKEN or not constant_time_compare(given, wanted):
        raise Http404
    return HttpResponse(every_figure(timezone.now()), content_type="text/plain; version=0.0.4")


def every_figure(now: datetime) -> str:
    """Return all that /metrics tells: alerts and machinery, queues, and what was answered here."""
    return metrics(now) + queue_figures(now) + figures.text()
