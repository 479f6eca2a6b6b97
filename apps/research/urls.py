"""URLs of the research export."""

from django.urls import path

from apps.research import views

app_name = "research"
urlpatterns = [path("research/", views.export, name="export")]
