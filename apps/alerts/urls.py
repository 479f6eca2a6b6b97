"""URLs of alerts."""

from django.urls import path

from apps.alerts import contact_views, gateway_views, rota_views, views

app_name = "alerts"
urlpatterns = [
    path("alerts/<uuid:alert_id>/acknowledge/", views.alert_acknowledge, name="acknowledge"),
    path("alerts/<uuid:alert_id>/mute/", views.rule_mute, name="mute"),
    path("mutes/<uuid:mute_id>/end/", views.mute_end, name="mute_end"),
    path("take/<str:token>/", views.alert_take, name="take"),
    path("rota/", rota_views.rota, name="rota"),
    path("rota/week/", rota_views.rota_edit, name="rota_edit"),
    path("rota/week/<uuid:turn_id>/remove/", rota_views.turn_remove, name="turn_remove"),
    path("rota/shifts/<uuid:shift_id>/", rota_views.shift_change, name="shift_change"),
    path("rota/changes/<uuid:change_id>/undo/", rota_views.change_cancel, name="change_cancel"),
    path("rota/extend/", rota_views.rota_extend, name="rota_extend"),
    path("rota/hours/", rota_views.hours, name="hours"),
    path("rota/closed-days/", rota_views.closed_day_add, name="closed_day_add"),
    path(
        "rota/closed-days/<int:closed_id>/remove/",
        rota_views.closed_day_remove,
        name="closed_day_remove",
    ),
    path("rota/ladders/", rota_views.ladders, name="ladders"),
    path("contacts/", contact_views.contacts, name="contacts"),
    path(
        "contacts/<uuid:contact_id>/confirm/", contact_views.contact_confirm, name="contact_confirm"
    ),
    path("contacts/<uuid:contact_id>/code/", contact_views.contact_resend, name="contact_resend"),
    path("contacts/<uuid:contact_id>/remove/", contact_views.contact_remove, name="contact_remove"),
    path("contacts/<uuid:contact_id>/prefer/", contact_views.contact_prefer, name="contact_prefer"),
    path("contacts/quiet-hours/", contact_views.quiet_hours, name="quiet_hours"),
    path("contacts/quiet-hours/end/", contact_views.quiet_hours_end, name="quiet_hours_end"),
    path("gateways/", gateway_views.gateways, name="gateways"),
    path("gateways/<uuid:gateway_id>/", gateway_views.gateway_change, name="gateway_change"),
    path("gateways/<uuid:gateway_id>/off/", gateway_views.gateway_off, name="gateway_off"),
    path("gateways/<uuid:gateway_id>/reports/", gateway_views.gateway_report, name="reports"),
]
