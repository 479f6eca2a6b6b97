"""Deploy checks that stop an installation from going live by mistake."""

from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register


@register(Tags.security, deploy=True)
def demo_mode_is_off(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Refuse to deploy with the one-click entry of the fictional clinic."""
    if settings.DEMO_MODE:
        return [
            Error(
                "GLIDEPATH_DEMO is on: anyone could enter as anyone.",
                hint="Unset GLIDEPATH_DEMO.",
                id="accounts.E001",
            )
        ]
    return []
