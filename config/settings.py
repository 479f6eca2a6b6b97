"""Settings, read from the environment; the same file serves `make run`, the tests and production.

A missing secret stops the start with a sentence. `config/settings_test.py` adds a few test lines.
"""

from email.utils import parseaddr
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.brokers import transport_options
from config.database import database
from config.files import settings_reader
from config.logs import logging_settings
from config.schedule import BEAT_SCHEDULE

BASE_DIR = Path(__file__).resolve().parent.parent
env = settings_reader()


def required(name: str, why: str) -> str:
    """Return the environment variable or stop the start with a sentence that says what to set."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"Set {name} in the environment: {why}.")
    return value


# --- What kind of installation this is ----------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
# The fictional clinic with one-click entry, on this machine alone: apps/accounts/starting.py.
DEMO_MODE = env.bool("GLIDEPATH_DEMO", default=False)
SECRET_KEY = required("SECRET_KEY", "it signs sessions and links; any long random text will do")
# Former keys, with commas: what they signed or sealed still opens.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
SITE_URL = env.str("SITE_URL", default="http://localhost:8000").rstrip("/")
SITE_HOST = SITE_URL.split("://", 1)[-1].split("/", 1)[0]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[SITE_HOST.rsplit(":", 1)[0]])
CSRF_TRUSTED_ORIGINS = [SITE_URL]
HTTPS = SITE_URL.startswith("https://")

# --- Applications: imports point down this list only (tests/test_architecture.py) ---------------
INSTALLED_APPS = [
    "apps.api",
    "apps.dashboard",
    "apps.portal",
    "apps.retention",
    "apps.exchange",
    "apps.detox",
    "apps.checkins",
    "apps.tapers",
    "apps.alerts",
    "apps.programs",
    "apps.patients",
    "apps.accounts",
    "apps.audit",
    "apps.database",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "crispy_forms",
    "crispy_bootstrap5",
    "csp",
    "django_htmx",
    "pgtrigger",
]
if DEMO_MODE:
    INSTALLED_APPS.insert(0, "config.demo")

MIDDLEWARE = [
    "config.tracing.RequestIdMiddleware",
    "config.middleware.ContentPolicyMiddleware",  # of every answer, a file's and a redirect's, too
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Pads its answers, so that their length tells nothing about a token in them (BREACH).
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.PrivacyHeadersMiddleware",
    "apps.api.middleware.ReadableRefusalsMiddleware",
    "apps.database.middleware.NoClinicMiddleware",  # until the person or the link says which
    "apps.accounts.middleware.PollsKeepCookiesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.known_browser.KnownBrowserMiddleware",
    "apps.accounts.middleware.SessionLimitsMiddleware",
    # Every page needs a signed-in person unless its view says otherwise (@login_not_required).
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "apps.accounts.middleware.SecondFactorMiddleware",
    "apps.patients.middleware.CurrentClinicMiddleware",
    "apps.programs.middleware.NoProgramMiddleware",
    "apps.patients.refusals.RefusedAttemptsMiddleware",
    "config.middleware.MessagesMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.accounts.proof.KeptRequestsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["apps.patients.templatetags.drawn_for"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.dashboard.context.site",
            ],
        },
    },
]
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

# --- Data ---------------------------------------------------------------------------------------
DATABASES = {
    "default": database(
        env.db_url_config(required("DATABASE_URL", "postgres://user:password@host:5432/name"))
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Sign-in rate limits count in the cache, so every web process must see the same one. Of more than
# so many rows a third goes: above Django's 300 a guesser could push out what was counted of them.
CACHES = {"default": {
    "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "django_cache",
    "OPTIONS": {"MAX_ENTRIES": 1_000_000},  # the hourly forget_sessions takes what is over
}}  # fmt: skip
SESSION_ENGINE = "apps.accounts.sessions"

# --- Time and language --------------------------------------------------------------------------
USE_TZ, TIME_ZONE = True, "UTC"
LANGUAGE_CODE = "en-us"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]

# --- Static files -------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- Sign-in ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "apps.accounts.passwords.OwnWordsValidator"},
    {"NAME": "apps.accounts.passwords.BreachedPasswordsValidator"},
]
# A file of SHA-1 hashes in order, one per line, as Have I Been Pwned gives it out; "" for none.
BREACHED_PASSWORDS = env.str("BREACHED_PASSWORDS", default="")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard:board"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "apps.accounts.adapter.ClosedSignupAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_FORMS = {"reset_password": "apps.dashboard.reset_form.ResetForm"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False  # a clinic's computers are shared
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "apps.accounts.tokens.ResetTokens"  # noqa: S105
PASSWORD_RESET_TIMEOUT = 3600  # [proposal] seconds; Django's three days outlive a mailbox's owner
# Mails tell a person that their password or second factor changed.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_RATE_LIMITS = {
    # Per person, and apart in a browser they used before (apps/accounts/known_browser.py): guessing
    # locks nobody else out. A passkey still opens the door, and so does a reset by mail.
    "login_failed": "5/5m/key",
    "patient_code": "10/15m/ip",  # codes asked for from one place
    "patient_address": "5/60m/key",  # codes for one address, whether a patient's or not
    "patient_device": "5/15m/key",  # the same in a browser that was signed in before
}
MFA_ADAPTER = "apps.accounts.adapter.SealedFactorsAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Glidepath"
MFA_TOTP_TOLERANCE = env.int("TOTP_TOLERANCE", default=1)  # steps of 30 s to each side
MFA_WEBAUTHN_USER_VERIFICATION = "required"  # it signs alone: possession would be one factor
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DEBUG or DEMO_MODE
SESSION_COOKIE_AGE = 12 * 3600  # the longest shift; then everybody signs in again
SESSION_IDLE_SECONDS = env.int("SESSION_IDLE_SECONDS", default=30 * 60)
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Browsers take a name that begins so only with Secure, for this host alone.
COOKIE_PREFIX = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid", f"{COOKIE_PREFIX}csrftoken"
# Not Django's cookie: what is told after an act names the patient.
MESSAGE_STORAGE = "apps.accounts.sealed_messages.SealedMessages"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "apps.portal.error_views.csrf_failure"

# --- What the browser may do --------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the QR code of the second factor is a data: picture
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Links carry tokens: no page tells another site where the reader came from. Not "no-referrer":
# browsers then send "Origin: null" with a form, which the CSRF check must refuse.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=HTTPS)
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# So many proxies stand before us and add the caller's address: guesses are counted by it.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=int(BEHIND_TLS_PROXY))
# `check --deploy` wants TLS to every other machine; 1 says that nothing else is on that network.
TRUST_NETWORK = env.bool("TRUST_NETWORK", default=False)
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # no uploads here; the longest form is a few kB

# --- Mail ---------------------------------------------------------------------------------------
vars().update(env.email_url("EMAIL_URL", default="smtp://127.0.0.1:1025"))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=4)  # seconds, see alerts/delivery.py
FROM = f"Glidepath <alerts@{SITE_HOST.rsplit(':', 1)[0]}>"
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default=FROM)

# --- Background work ----------------------------------------------------------------------------
CELERY_BROKER_URL = required("CELERY_BROKER_URL", "redis://host:6379/0, amqp://… or pgmq://…")
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"apps.alerts.tasks.*": {"queue": "alerts"}}
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT, CELERY_TASK_SOFT_TIME_LIMIT = 30, 25
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_EAGER_RESULT = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT, CELERY_BROKER_HEARTBEAT = 2, 10  # the second: AMQP alone
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = transport_options(CELERY_BROKER_URL)
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_BEAT_SCHEDULE_FILENAME = env.str(
    "BEAT_SCHEDULE_FILE", default=str(BASE_DIR / ".data" / "beat")
)

# --- Alerts -------------------------------------------------------------------------------------
# A whole attempt, whatever the server does; the lease (alerts/smtp.py) outlives it.
ALERT_ATTEMPT_SECONDS = env.int("ALERT_ATTEMPT_SECONDS", default=max(10, 2 * EMAIL_TIMEOUT))
# Mails that one dispatcher has under way at once; a recipient that hangs holds one of them.
ALERT_SENDERS = env.int("ALERT_SENDERS", default=4)
# Hosts to which clinics may point gateways of their own (jsons://, gotifys:// …), by name.
ALERT_GATEWAY_HOSTS = env.list("ALERT_GATEWAY_HOSTS", default=[])
# Called every 30 s while all is well; a monitor outside calls a person when it stops.
HEARTBEAT_URL = env.str("HEARTBEAT_URL", default="")
# The weekly drill: a synthetic red flag to who is on call in each clinic; 0 turns it off.
DRILL_DAYS = env.int("DRILL_DAYS", default=7)
# Who is told of trouble with the alerts of a clinic in which nobody works.
DRILL_EMAIL = env.str("DRILL_EMAIL", default=parseaddr(DEFAULT_FROM_EMAIL)[1])
# Who may read /metrics: "Authorization: Bearer …". Without it the page does not exist.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Backups ------------------------------------------------------------------------------------
# Encrypts what `manage.py backup` writes; keep it where the backups are not.
BACKUP_PASSPHRASE = env.str("BACKUP_PASSPHRASE", default="")
# The file that says whom a restore must not bring back; without it no record is ever removed.
ERASURE_LIST = env.str("ERASURE_LIST", default="")

# --- Logs: references and ids only, never a patient's words -------------------------------------
# "line" for a person at a terminal, "json" for a collector of logs: config/logs.py.
LOG_FORMAT = env.str("LOG_FORMAT", default="line")
# Where errors are told, in Sentry's protocol: "https://KEY@host/PROJECT"; "" for nowhere.
ERROR_REPORT_DSN = env.str("ERROR_REPORT_DSN", default="")
# Which build this is, as error reports and /metrics name it.
RELEASE = env.str("GLIDEPATH_RELEASE", default="")
LOGGING = logging_settings(
    layout=LOG_FORMAT,
    level=env.str("LOG_LEVEL", default="INFO"),
    dsn=ERROR_REPORT_DSN,
    release=RELEASE,
)

# --- The fictional clinic: a door without a lock, and the mails that were caught ----------------
if DEMO_MODE:
    LOGIN_URL = LOGOUT_REDIRECT_URL = "demo:entry"
    DEMO_MAIL_DIR = env.str("DEMO_MAIL_DIR", default="")
