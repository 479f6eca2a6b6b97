"""Application registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Staff users and sign-in."""

    name = "apps.accounts"

    def ready(self) -> None:
        """Register the deploy checks and start the clock of every new session."""
        from allauth.mfa import signals
        from allauth.mfa.totp.internal.auth import TOTP
        from django.contrib.auth.signals import user_logged_in

        from apps.accounts import (  # noqa: F401
            actions,
            checks,
            known_browser,
            middleware,
            proofs,
            starting,
        )
        from apps.accounts.code_counts import count_per_browser
        from apps.accounts.used_codes import mark_code_used
        from apps.database.restored import ends_with_a_restore
        from apps.database.working_command import REFUSALS

        if starting.refuse_weak not in REFUSALS:
            REFUSALS.append(starting.refuse_weak)
        TOTP._mark_code_used = mark_code_used
        count_per_browser()
        user_logged_in.connect(middleware.begin_session, dispatch_uid="accounts.begin_session")
        user_logged_in.connect(known_browser.remember, dispatch_uid="accounts.known_browser")
        for signal in (signals.authenticator_removed, signals.authenticator_reset):
            signal.connect(middleware.end_others, dispatch_uid="accounts.end_others")
        signals.authenticator_added.connect(
            proofs.new_factor_was_proved, dispatch_uid="accounts.new_factor"
        )
        ends_with_a_restore("sessions of staff", actions.end_every_session)
        ends_with_a_restore("invitations of staff", actions.revoke_every_invitation)
