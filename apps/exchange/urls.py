"""URLs of papers and calendars. No health word is in any of them."""

from django.urls import path

from apps.exchange import fhir_views, record_views, referral_views, views

app_name = "exchange"
urlpatterns = [
    path("plans/<uuid:plan_id>/schedule/", views.plan_schedule, name="schedule"),
    path("plans/<uuid:plan_id>/calendar-<slug:language>.pdf", views.plan_calendar, name="calendar"),
    path("plans/<uuid:plan_id>/pharmacy.pdf", views.plan_paper, {"paper": "pharmacy"},
         name="pharmacy"),
    path("plans/<uuid:plan_id>/letter.pdf", views.plan_paper, {"paper": "letter"}, name="letter"),
    path("patients/<uuid:patient_id>/calendar/", views.feed_create, name="feed_create"),
    path("patients/<uuid:patient_id>/calendar/stop/", views.feed_revoke, name="feed_revoke"),
    path("patients/<uuid:patient_id>/brought-in/", record_views.record_brought,
         name="record_brought"),
    path("patients/<uuid:patient_id>/record/", record_views.record_export, name="record_export"),
    path("referrals/<uuid:referral_id>/hand-over.pdf", referral_views.paper, name="referral_pdf"),
    path("referrals/<uuid:referral_id>/hand-over.json", referral_views.bundle,
         name="referral_bundle"),
    path("fhir/R4", fhir_views.bring_in, name="fhir_bring_in"),
    path("fhir/R4/metadata", fhir_views.metadata, name="fhir_metadata"),
    path("fhir/R4/<str:kind>", fhir_views.search, name="fhir_search"),
    path("fhir/R4/<str:kind>/_search", fhir_views.search_by_form, name="fhir_search_by_form"),
    path("fhir/R4/<str:kind>/<str:key>", fhir_views.read, name="fhir_read"),
    path("calendar/<str:token>.ics", views.feed, name="feed"),
]  # fmt: skip
