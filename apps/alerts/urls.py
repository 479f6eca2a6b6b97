"""URLs of alerts."""

from django.urls import path

from apps.alerts import views

app_name = "alerts"
urlpatterns = [
    path("alerts/<uuid:alert_id>/acknowledge/", views.alert_acknowledge, name="acknowledge"),
    path("take/<str:token>/", views.alert_take, name="take"),
]
