"""The URL table as it is in demo mode."""

from django.urls import include, path

from config.urls import urlpatterns as usual

urlpatterns = [path("demo/", include("config.demo.urls")), *usual]
