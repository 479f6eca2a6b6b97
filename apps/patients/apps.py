"""Application registration."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Clinics, staff, patients."""

    name = "apps.patients"
