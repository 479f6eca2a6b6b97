"""URLs of alerts."""

from django.urls import path

from apps.alerts import views

app_name = "alerts"
urlpatterns = [
    path("alerts/<uuid:alert_id>/acknowledge/", views.alert_acknowledge, name="acknowledge"),
    path("alerts/<uuid:alert_id>/mute/", views.rule_mute, name="mute"),
    path("mutes/<uuid:mute_id>/end/", views.mute_end, name="mute_end"),
    path("hand-over/", views.shift_hand_over, name="shift_hand_over"),
    path("take/<str:token>/", views.alert_take, name="take"),
]
