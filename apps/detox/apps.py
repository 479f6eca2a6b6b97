"""Application registration."""

from django.apps import AppConfig
from django.utils import timezone


class DetoxConfig(AppConfig):
    """Level of care, referral, stay, discharge."""

    name = "apps.detox"

    def ready(self) -> None:
        """Stand in the way of a plan without a level of care, and of an end without a discharge."""
        from apps.alerts.rounds import register_round
        from apps.detox.clocks import sweep_detox
        from apps.detox.given_elsewhere import given_by_word
        from apps.detox.guards import (
            discharge_says_none,
            followed_at_home,
            inpatient_stands,
            level_is_settled,
            still_admitted,
            taken_again,
            unit_said,
        )
        from apps.detox.leaving import some_still_taken
        from apps.detox.support_actions import given_beside
        from apps.detox.told_anew import told_anew
        from apps.patients.actions import register_home_guard, register_leaving_guard
        from apps.patients.risk_actions import register_given_reader, register_medicine_reader
        from apps.tapers.leaving import register_end_guard, register_start_guard
        from apps.tapers.taken import register_teller
        from apps.tapers.today import register_gate

        register_start_guard(level_is_settled)
        register_end_guard(discharge_says_none)
        register_leaving_guard(some_still_taken)
        register_leaving_guard(told_anew)
        register_home_guard(still_admitted)
        register_medicine_reader(given_beside)
        register_given_reader(given_by_word)
        register_gate(inpatient_stands)
        register_gate(followed_at_home)
        register_teller(unit_said)
        register_teller(taken_again)
        register_round("detox", 60.0, lambda: sweep_detox(timezone.now()))
