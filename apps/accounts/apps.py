"""Application registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Staff users and sign-in."""

    name = "apps.accounts"

    def ready(self) -> None:
        """Register the deploy checks and start the clock of every new session."""
        from allauth.mfa.totp.internal.auth import TOTP
        from django.contrib.auth.signals import user_logged_in

        from apps.accounts import actions, checks, middleware, starting  # noqa: F401
        from apps.accounts.used_codes import mark_code_used
        from apps.database.restored import ends_with_a_restore

        TOTP._mark_code_used = mark_code_used
        user_logged_in.connect(middleware.begin_session, dispatch_uid="accounts.begin_session")
        ends_with_a_restore("sessions of staff", actions.end_every_session)
        ends_with_a_restore("invitations of staff", actions.revoke_every_invitation)
