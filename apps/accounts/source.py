"""From where somebody signs in: the network, for a record that is never emptied.

The whole address stands where a person sees their own sessions, and goes with the session. In the
record the last part is left out: it tells the clinic's house from the other end of the country and
does not follow anybody home.
"""

from ipaddress import ip_address, ip_network
from typing import Final

from allauth.account.adapter import get_adapter
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest

KEPT_OF_IPV4, KEPT_OF_IPV6 = 24, 48  # [proposal] bits
NOWHERE: Final = ""


def source_of(request: HttpRequest | None) -> str:
    """Return the network that a request came from, such as 203.0.113.0/24; "" if unknown.

    Behind proxies the address is the one that the outermost of `TRUSTED_PROXY_COUNT` put down:
    what a caller writes into `X-Forwarded-For` stands before it and counts for nothing.
    """
    if request is None:
        return NOWHERE
    try:
        address = ip_address(get_adapter().get_client_ip(request))
    except (ImproperlyConfigured, PermissionDenied, ValueError):
        return NOWHERE
    address = getattr(address, "ipv4_mapped", None) or address
    bits = KEPT_OF_IPV4 if address.version == 4 else KEPT_OF_IPV6
    return str(ip_network(f"{address}/{bits}", strict=False))
