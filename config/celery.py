"""The Celery application. Tasks live in each app's ``tasks.py``; the schedule lives in settings."""

import os

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

from config.worker_sign import WorkerSign

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("glidepath")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(WorkerSign)


@worker_init.connect
@beat_init.connect
def refuse(**kwargs: object) -> None:
    """Stop a worker or beat with weak secrets, or that would work as the owner of the tables.

    What nothing catches in it is logged from then on without what it says.
    """
    from apps.accounts.starting import refuse_weak
    from apps.database.login import refuse_owner
    from config.logs import tell_uncaught

    tell_uncaught()
    try:
        refuse_weak()
        refuse_owner()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error
