"""Application registration."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Clinics, staff, patients."""

    name = "apps.patients"

    def ready(self) -> None:
        """Write sign-ins down, and begin each session in a clinic."""
        from django.contrib.auth.signals import user_logged_in

        from apps.patients import middleware, sign_in_record

        sign_in_record.connect()
        user_logged_in.connect(middleware.begin_in_a_clinic, dispatch_uid="patients.begin")
