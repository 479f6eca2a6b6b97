"""Application registration."""

from django.apps import AppConfig


class TapersConfig(AppConfig):
    """Taper plans."""

    name = "apps.tapers"

    def ready(self) -> None:
        """Let no patient be left who takes a dose by a plan, and no cut meet a new condition."""
        from apps.patients.actions import register_leaving_guard
        from apps.patients.intake_actions import register_intake_listener
        from apps.patients.risk_actions import register_given_reader
        from apps.tapers.specialist_holds import hold_after_intake
        from apps.tapers.stopping import given_by_plans
        from apps.tapers.today import no_dose_left_behind

        register_given_reader(given_by_plans)
        register_leaving_guard(no_dose_left_behind)
        register_intake_listener(hold_after_intake)
