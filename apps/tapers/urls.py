"""URLs of taper plans."""

from django.urls import path

from apps.tapers import views

app_name = "tapers"
urlpatterns = [
    path("patients/<uuid:patient_id>/plans/new/", views.plan_create, name="create"),
    path("plans/<uuid:plan_id>/", views.plan_detail, name="detail"),
    path("plans/<uuid:plan_id>/activate/", views.plan_activate, name="activate"),
]
