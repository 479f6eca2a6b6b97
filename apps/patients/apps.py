"""Application registration."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Clinics, staff, patients."""

    name = "apps.patients"

    def ready(self) -> None:
        """Write sign-ins down."""
        from apps.patients import sign_in_record

        sign_in_record.connect()
