"""WSGI entry point, served by gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

from apps.accounts.starting import refuse_weak
from apps.database.login import refuse_owner
from config.database import hurry
from config.logs import tell_uncaught
from config.memory import settle

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
tell_uncaught()
hurry()
refuse_weak()
refuse_owner()
settle()
