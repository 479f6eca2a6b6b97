"""URLs."""

from django.urls import URLPattern

app_name = "tapers"
urlpatterns: list[URLPattern] = []
