"""URLs of the staff pages that join the other apps."""

from django.urls import path

from apps.dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.board, name="board"),
    path("alerts/<uuid:alert_id>/", views.alert_detail, name="alert"),
    path("patients/<uuid:patient_id>/", views.patient_detail, name="patient"),
    path("healthz", views.healthz, name="healthz"),
]
