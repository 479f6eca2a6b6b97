"""URLs of the clinical lead's pages about how long records are kept."""

from django.urls import path

from apps.retention import views

app_name = "retention"
urlpatterns = [
    path("records/", views.records, name="records"),
    path("records/due/", views.due, name="due"),
    path("records/decisions/<uuid:decision_id>/", views.decision, name="decision"),
    path("records/decisions/<uuid:decision_id>/withdraw/", views.withdraw, name="withdraw"),
    path("records/patients/<uuid:patient_id>/hold/", views.hold, name="hold"),
]
