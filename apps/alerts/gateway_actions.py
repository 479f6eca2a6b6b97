"""Setting up a clinic's gateways. Their secrets go in and never come out again."""

from datetime import datetime

from django.db import IntegrityError, transaction

from apps.accounts.models import User
from apps.alerts.breaker import forget
from apps.alerts.gateways import REF, mask
from apps.alerts.models import Gateway
from apps.alerts.sealed import SealError, seal, unseal
from apps.alerts.ways import gateway_name
from apps.audit.actions import record
from apps.patients.models import Clinic


class GatewayNameError(ValueError):
    """Another gateway of the clinic has this name; the text is for the reader."""


def add_gateway(
    *, clinic: Clinic, channel: str, name: str, url: str, secret: str, by: User, now: datetime
) -> Gateway:
    """Store a new gateway with its address and secret sealed.

    Raises `GatewayNameError` for a name in use: saving the same form twice makes one.
    """
    gateway = Gateway(clinic=clinic, channel=channel, created_at=now)
    return store(gateway, name, url, secret, by, now)


def change_gateway(
    *, gateway: Gateway, name: str, url: str, secret: str, by: User, now: datetime
) -> Gateway:
    """Change a gateway. An empty address or secret leaves the one that is stored."""
    return store(gateway, name, url, secret, by, now)


@transaction.atomic
def store(gateway: Gateway, name: str, url: str, secret: str, by: User, now: datetime) -> Gateway:
    """Seal what is new, save, and write down that it changed, without what it holds."""
    is_new = not gateway.sealed_url
    gateway.name, gateway.changed_at, gateway.changed_by = name, now, by
    if url:
        gateway.sealed_url, gateway.masked_url = seal(url.strip()), mask(url.strip())
        gateway.confirms = REF in url
    if secret:
        gateway.sealed_secret = seal(secret.strip())
    try:
        with transaction.atomic():
            gateway.save(force_insert=is_new, force_update=not is_new)
    except IntegrityError as error:
        if "gateway_named_once" not in str(error):
            raise
        raise GatewayNameError("Your clinic has a gateway with this name already.") from error
    if url:
        forget(gateway_name(gateway.pk), now)  # what was learnt of the old address
    write_down(gateway, "gateway.added" if is_new else "gateway.changed", by, now)
    return gateway


@transaction.atomic
def switch_off_gateway(*, gateway: Gateway, by: User, now: datetime) -> None:
    """Use a gateway no more and forget its secrets. Safe to repeat.

    Messages that wait for it go over the next channel of their person.
    """
    changed = Gateway.objects.filter(pk=gateway.pk, is_active=True).update(
        is_active=False, confirms=False, sealed_url="", sealed_secret="", changed_at=now,
        changed_by=by,
    )  # fmt: skip
    if changed:
        forget(gateway_name(gateway.pk), now)
        write_down(gateway, "gateway.switched_off", by, now)


def is_readable(gateway: Gateway) -> bool:
    """Answer whether the gateway's address opens with a key that this installation has."""
    try:
        return bool(unseal(gateway.sealed_url))
    except SealError:
        return False


def write_down(gateway: Gateway, event: str, by: User, now: datetime) -> None:
    """Add the act to the audit record; neither address nor secret goes there."""
    record(
        event,
        by=by,
        now=now,
        clinic_id=gateway.clinic_id,
        obj=gateway,
        channel=gateway.channel,
        confirms=gateway.confirms,
    )
