"""The URL table. Every URL has its row in tests/test_access_matrix.py."""

from django.conf import settings
from django.urls import include, path

# On a patient's address these speak to a patient.
handler400 = "apps.portal.error_views.bad_request"
handler404 = "apps.portal.error_views.page_not_found"

urlpatterns = [
    path("", include("apps.checkins.urls")),  # the busiest page is found first
    path("accounts/", include("apps.accounts.urls")),
    path("patients/", include("apps.patients.urls")),
    path("", include("apps.programs.urls")),
    path("api/v1/", include("apps.api.urls")),
    path("", include("apps.alerts.urls")),
    path("", include("apps.tapers.urls")),
    path("", include("apps.exchange.urls")),
    path("", include("apps.detox.urls")),
    path("", include("apps.portal.urls")),
    path("", include("apps.retention.urls")),
    path("", include("apps.research.urls")),
    path("", include("apps.dashboard.urls")),
]
if settings.DEMO_MODE:
    urlpatterns.insert(0, path("demo/", include("config.demo.urls")))
