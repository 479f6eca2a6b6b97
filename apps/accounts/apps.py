"""Application registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Staff users and sign-in."""

    name = "apps.accounts"

    def ready(self) -> None:
        """Register the deploy checks and start the clock of every new session."""
        from django.contrib.auth.signals import user_logged_in

        from apps.accounts import checks, middleware, starting  # noqa: F401

        user_logged_in.connect(middleware.begin_session, dispatch_uid="accounts.begin_session")
