"""The patient page's part about what the patient asked for."""

from typing import Any

from django import template
from django.utils import timezone

from apps.checkins.models import CareTask
from apps.patients.models import Patient

register = template.Library()


@register.inclusion_tag("checkins/open_tasks.html")
def open_tasks(patient: Patient) -> dict[str, Any]:
    """Show the open tasks of one patient, in one query."""
    now = timezone.now()
    tasks = CareTask.objects.open().filter(patient=patient).select_related("owner")
    return {"rows": [{"task": task, "overdue": task.is_overdue(now)} for task in tasks]}
