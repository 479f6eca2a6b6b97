"""URLs of the patient register."""

from django.urls import path

from apps.patients import views

app_name = "patients"
urlpatterns = [
    path("", views.patient_list, name="list"),
    path("new/", views.patient_create, name="create"),
]
