"""URLs of check-ins."""

from django.urls import path

from apps.checkins import views

app_name = "checkins"
urlpatterns = [
    path("patients/<uuid:patient_id>/check-in-link/", views.link_create, name="link_create"),
    path("c/<str:token>/", views.check_in_create, name="create"),
]
