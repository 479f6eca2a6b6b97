"""Application registration."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The patient's own pages."""

    name = "apps.portal"

    def ready(self) -> None:
        """Have the dispatcher send codes and invitations, and a restore end the ways in."""
        from apps.alerts.rounds import register_queue, register_round
        from apps.database.restored import ends_with_a_restore
        from apps.portal.actions import revoke_every_invitation
        from apps.portal.delivery import send_waiting
        from apps.portal.models import PortalMail
        from apps.portal.sign_in_actions import end_every_session
        from apps.portal.trusted_actions import hide_every_dose

        register_round("portal mails", 2.0, send_waiting)
        register_queue("portal mails", PortalMail.objects.due)
        ends_with_a_restore("sessions of patients", end_every_session)
        ends_with_a_restore("invitations of patients", revoke_every_invitation)
        ends_with_a_restore("doses that trusted people see", hide_every_dose)
