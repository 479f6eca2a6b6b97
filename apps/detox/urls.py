"""URLs of care around a stay. No health word is in any of them."""

from django.urls import path

from apps.detox import (
    directory_views,
    discharge_views,
    given_on_views,
    outcome_views,
    stay_views,
    support_views,
    views,
)

app_name = "detox"
urlpatterns = [
    path("patients/<uuid:patient_id>/care/", views.care, name="care"),
    path("patients/<uuid:patient_id>/care/level/", views.level, name="level"),
    path("patients/<uuid:patient_id>/care/refer/", views.refer, name="refer"),
    path("patients/<uuid:patient_id>/care/outcome/", outcome_views.outcome, name="outcome"),
    path("patients/<uuid:patient_id>/care/again/", outcome_views.restart, name="restart"),
    path("patients/<uuid:patient_id>/care/with/", given_on_views.given_on, name="given_on"),
    path("patients/<uuid:patient_id>/support/", support_views.support, name="support"),
    path(
        "patients/<uuid:patient_id>/support/with/",
        support_views.therapy_create,
        name="therapy_create",
    ),
    path(
        "patients/<uuid:patient_id>/support/beside/",
        support_views.adjunct_create,
        name="adjunct_create",
    ),
    path(
        "patients/<uuid:patient_id>/support/hours/", support_views.coping_edit, name="coping_edit"
    ),
    path("support/<uuid:therapy_id>/visit/", support_views.visit_create, name="visit_create"),
    path("support/<uuid:therapy_id>/end/", support_views.therapy_end, name="therapy_end"),
    path("beside/<uuid:adjunct_id>/end/", support_views.adjunct_end, name="adjunct_end"),
    path("referrals/<uuid:referral_id>/", views.referral, name="referral"),
    path("referrals/<uuid:referral_id>/move/", views.referral_move, name="referral_move"),
    path("referrals/<uuid:referral_id>/bed/", stay_views.stay_begin, name="stay_begin"),
    path("referrals/<uuid:referral_id>/home/", discharge_views.discharge, name="discharge"),
    path(
        "referrals/<uuid:referral_id>/home/second/",
        discharge_views.discharge_sign,
        name="discharge_sign",
    ),
    path("stays/<uuid:stay_id>/", stay_views.stay, name="stay"),
    path("stays/<uuid:stay_id>/rounds/", stay_views.rounds_set, name="rounds_set"),
    path("stays/<uuid:stay_id>/round/", stay_views.round_create, name="round_create"),
    path("stays/<uuid:stay_id>/given/", stay_views.dose_create, name="dose_create"),
    path("given/<uuid:dose_id>/correct/", stay_views.dose_correct, name="dose_correct"),
    path("units/", directory_views.facilities, name="facilities"),
    path("units/<uuid:facility_id>/", directory_views.facility, name="facility"),
]
