"""Application registration."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Staff users and sign-in."""

    name = "apps.accounts"

    def ready(self) -> None:
        """Register the deploy checks."""
        from apps.accounts import checks  # noqa: F401
