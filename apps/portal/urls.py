"""URLs of the own pages, of the trusted person's, and of the staff who let them in."""

from django.urls import path

from apps.portal import (
    coping_views,
    entry_views,
    research_views,
    settings_views,
    staff_views,
    trusted_views,
    views,
)

app_name = "portal"
urlpatterns = [
    path("me/", views.home, name="home"),
    path("me/invited/<str:token>/", entry_views.invited, name="invited"),
    path("me/sign-in/", entry_views.sign_in_page, name="sign_in"),
    path("me/code/", entry_views.code_page, name="code"),
    path("me/sign-out/", entry_views.sign_out, name="sign_out"),
    path("me/consent/", entry_views.consent, name="consent"),
    path("me/consent/end/", settings_views.withdraw, name="withdraw"),
    path("me/research/", research_views.research, name="research"),
    path("me/research/no/", research_views.research_no, name="research_no"),
    path("me/settings/", settings_views.settings_page, name="settings"),
    path("me/calendar/", settings_views.calendar_page, name="calendar"),
    path("me/calendar/stop/", settings_views.calendar_stop, name="calendar_stop"),
    path("me/people/", settings_views.trusted_list, name="trusted"),
    path("me/people/<uuid:person_id>/end/", settings_views.trusted_end, name="trusted_end"),
    path("me/people/<uuid:person_id>/today/", settings_views.trusted_dose, name="trusted_dose"),
    path("me/data/", settings_views.export_page, name="export"),
    path("me/data/file/", settings_views.export_file, name="export_file"),
    path("me/plan/", views.plan_paper, name="plan"),
    path("me/trend/", views.trend_page, name="trend"),
    path("me/far/", views.far, name="far"),
    path("me/coping/", coping_views.coping, name="coping"),
    path("me/coping/change/", coping_views.coping_edit, name="coping_edit"),
    path("me/coping/worker.js", coping_views.worker, name="coping_worker"),
    path("me/check-ins/", views.check_in_list, name="check_ins"),
    path("me/check-ins/new/", views.check_in_now, name="check_in_now"),
    path("me/check-ins/<uuid:check_in_id>/", views.check_in_detail, name="check_in"),
    path("me/ask/<str:kind>/", views.ask, name="ask"),
    path("help/<uuid:clinic_id>/", views.help_page, name="help"),
    path("t/<str:token>/", trusted_views.trusted_door, name="trusted_door"),
    path("t/<str:token>/report/", trusted_views.trusted_report, name="trusted_report"),
    path("patients/<uuid:patient_id>/own-pages/", staff_views.access, name="access"),
    path("patients/<uuid:patient_id>/own-pages/end/", staff_views.revoke, name="revoke"),
    path(
        "patients/<uuid:patient_id>/research/", research_views.research_paper, name="research_paper"
    ),
    path(
        "patients/<uuid:patient_id>/research/end/", research_views.research_end, name="research_end"
    ),
    path("people/<uuid:person_id>/end/", staff_views.trusted_revoke, name="trusted_revoke"),
]
