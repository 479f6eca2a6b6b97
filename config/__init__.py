"""Project configuration: settings, URLs, the Celery application, and the servers of `make run`."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
