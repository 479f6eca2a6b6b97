"""Test settings: `config/settings.py` with throw-away values and a throw-away PostgreSQL.

The first process to load this file (bare pytest, or the controller of `pytest -n`) starts the
cluster and exports its address; xdist workers and child processes inherit the environment.
"""

import os
from pathlib import Path

if "DATABASE_URL" not in os.environ:
    if "PYTEST_VERSION" in os.environ:
        from config.embedded.throwaway import start_throwaway_cluster

        os.environ["DATABASE_URL"] = start_throwaway_cluster("test")
    else:  # mypy and `manage.py check` read settings and touch no database
        os.environ["DATABASE_URL"] = "postgres://nobody@/none?host=/nonexistent"
os.environ.setdefault("SECRET_KEY", "only-for-tests-" + "0123456789" * 5)
os.environ.setdefault("CELERY_BROKER_URL", "memory://")

from config.settings import *

# Hashing is slow on purpose; tests sign people in hundreds of times.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Pages in tests need no collectstatic; the supervisor's own tests run the real one.
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
WHITENOISE_USE_FINDERS = True
# Looked for when asked for: every test's `Client()` would list all of them first.
WHITENOISE_AUTOREFRESH = True
# WhiteNoise wants its folder to exist; the files themselves come from the finders.
STATIC_ROOT = str(BASE_DIR / ".artifacts" / "static")
Path(STATIC_ROOT).mkdir(parents=True, exist_ok=True)
