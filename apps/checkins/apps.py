"""Application registration."""

from django.apps import AppConfig


class CheckinsConfig(AppConfig):
    """Check-ins and triage results."""

    name = "apps.checkins"

    def ready(self) -> None:
        """Let plans ask for check-ins and alerts before a reduction begins."""
        from apps.checkins.gates import alert_is_open, check_in_came, no_red_alert
        from apps.patients.risk_actions import register_tier_guard
        from apps.tapers.today import register_gate

        register_gate(check_in_came)
        register_gate(no_red_alert)
        register_tier_guard(alert_is_open)
