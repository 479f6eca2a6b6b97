"""Application registration."""

from django.apps import AppConfig


class TapersConfig(AppConfig):
    """Taper plans."""

    name = "apps.tapers"

    def ready(self) -> None:
        """Let no patient be left who takes a dose by a plan."""
        from apps.patients.actions import register_leaving_guard
        from apps.tapers.today import no_dose_left_behind

        register_leaving_guard(no_dose_left_behind)
