"""Application registration."""

from django.apps import AppConfig
from django.utils import timezone


class CheckinsConfig(AppConfig):
    """Check-ins and triage results."""

    name = "apps.checkins"

    def ready(self) -> None:
        """Let plans ask before a reduction begins, and the dispatcher ask patients who are due."""
        from apps.alerts.rounds import register_queue, register_round
        from apps.checkins.clock_sweep import sweep_clocks
        from apps.checkins.gates import alert_is_open, check_in_came, no_red_alert
        from apps.checkins.link_actions import revoke_every_link
        from apps.checkins.models import Reminder
        from apps.checkins.reminder_actions import look_again
        from apps.checkins.reminder_sweep import ask_and_judge
        from apps.database.restored import ends_with_a_restore
        from apps.patients.risk_actions import register_risk_listener, register_tier_guard
        from apps.tapers.today import register_gate

        register_gate(check_in_came)
        register_gate(no_red_alert)
        register_tier_guard(alert_is_open)
        register_risk_listener(look_again)
        ends_with_a_restore("links of check-ins", revoke_every_link, only_if_asked=True)
        register_round("reminders", 20.0, ask_and_judge)
        register_queue("reminders", Reminder.objects.mail_due)
        register_round("clocks", 300.0, lambda: sweep_clocks(timezone.now()))
