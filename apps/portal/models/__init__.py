"""What the patient's own pages store."""

from apps.portal.models.entry import Consent, Invitation, PatientSession, SignInCode
from apps.portal.models.mail import PortalMail
from apps.portal.models.research import ResearchConsent
from apps.portal.models.trusted import TrustedPerson

__all__ = [
    "Consent",
    "Invitation",
    "PatientSession",
    "PortalMail",
    "ResearchConsent",
    "SignInCode",
    "TrustedPerson",
]
