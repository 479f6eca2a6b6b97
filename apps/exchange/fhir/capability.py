"""What the FHIR address can do, for programs that ask before they begin."""

from typing import Final

from django.conf import settings
from django.urls import reverse

from apps.exchange.fhir.bundle import SOURCES
from apps.exchange.fhir.codes import concept, hl7
from apps.exchange.fhir.elements import Resource
from apps.exchange.fhir.finding import IDENTIFYING, PARAMETERS

PUBLISHED_ON: Final = "2026-11-23"
TYPES: Final = {
    "_id": "token", "identifier": "token", "birthdate": "date", "patient": "reference",
    "subject": "reference",
}  # fmt: skip
OAUTH: Final = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
SECURITY: Final = (
    "OAuth 2.0, client credentials. The clinic's admin lets a program in and one person agrees to "
    "act for it; the token is of one clinic and is needed for everything but this statement."
)
BY_FORM: Final = "By POST to Patient/_search, as a form; refused in an address."
BRINGS_IN: Final = (
    "POST of one patient's record to the base, as a Bundle of type collection, registers the "
    "patient and keeps everything as it came. It drives nothing."
)


def capability() -> Resource:
    """Return the CapabilityStatement."""
    token = settings.SITE_URL + reverse("programs:token")
    return {
        "resourceType": "CapabilityStatement", "status": "active", "date": PUBLISHED_ON,
        "kind": "instance", "fhirVersion": "4.0.1", "format": ["json"],
        "implementation": {"description": "Glidepath", "url": f"{settings.SITE_URL}/fhir/R4"},
        "software": {"name": "Glidepath"},
        "rest": [{
            "mode": "server",
            "security": {
                "extension": [{"url": OAUTH, "extension": [
                    {"url": "token", "valueUri": token}]}],
                "service": [concept(hl7("restful-security-service", "OAuth", "OAuth"))],
                "description": SECURITY,
            },
            "documentation": BRINGS_IN,
            "resource": [
                {"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}],
                 "searchParam": [{"name": name, "type": TYPES[name]}
                                 | ({"documentation": BY_FORM} if name in IDENTIFYING else {})
                                 for name in sorted(PARAMETERS[kind]) if name in TYPES]}
                for kind in SOURCES
            ],
        }],
    }  # fmt: skip
