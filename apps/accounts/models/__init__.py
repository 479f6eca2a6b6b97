"""The staff: who they are, how they are let in, and the mails about it."""

from apps.accounts.models.access import EmergencyAccess, Invitation, RoleChange
from apps.accounts.models.mail import StaffMail
from apps.accounts.models.user import User

__all__ = ["EmergencyAccess", "Invitation", "RoleChange", "StaffMail", "User"]
