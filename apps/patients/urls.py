"""URLs of the patient register."""

from django.urls import path

from apps.patients import views, views_intake
from apps.patients.models import Section

app_name = "patients"
urlpatterns = [
    path("", views.patient_list, name="list"),
    path("new/", views.patient_create, name="create"),
    path("<uuid:patient_id>/intake/", views_intake.intake, name="intake"),
    path("<uuid:patient_id>/intake/changes/", views_intake.changes, name="changes"),
    path("<uuid:patient_id>/intake/again/", views_intake.assess, name="assess"),
    path("<uuid:patient_id>/status/", views_intake.status, name="status"),
    path("<uuid:patient_id>/stop/", views_intake.stop, name="stop"),
    # One page per section: /patients/…/intake/person/, …/medicine/ and so on.
    *(
        path(
            f"<uuid:patient_id>/intake/{key}/",
            views_intake.section,
            {"section": key},
            name=f"intake_{key}",
        )
        for key in Section.values
    ),
]
