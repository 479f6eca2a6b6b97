"""A clinic's gateways and one's own ways, as people type them in; secrets never come back."""

import pytest
from django.db import IntegrityError
from django.urls import reverse

from apps.alerts.gateway_actions import add_gateway
from apps.alerts.gateways import plugin
from apps.alerts.models import ContactMethod, Gateway, QuietHours
from apps.alerts.sealed import unseal
from apps.audit.models import AuditEvent
from tests.conftest import signed_in
from tests.factories import NOW, make_gateway, make_way

pytestmark = pytest.mark.django_db
TOKEN = "0123456789abcdef" * 2
URL = f"twilio://AC{TOKEN}:{TOKEN}@15555550123/{{to}}"
OWN = "json://127.0.0.1:8999/{to}?+X-Ref={ref}"


def typed(**changes):
    return {"channel": "sms", "name": "Clinic phone", "url": URL, "secret": ""} | changes


@pytest.fixture
def admin(clinic_admin):
    return signed_in(clinic_admin)


def test_a_gateway_is_stored_sealed_and_shown_masked(admin, clinic) -> None:
    page = admin.post(reverse("alerts:gateways"), typed(), follow=True)
    gateway = Gateway.objects.get()
    assert unseal(gateway.sealed_url) == URL
    assert TOKEN not in gateway.sealed_url + gateway.masked_url
    assert "twilio://…" in page.text
    assert TOKEN not in page.text
    events = AuditEvent.objects.filter(event="gateway.added", clinic_id=clinic.pk)
    assert TOKEN not in str(list(events.values()))


def test_a_wrong_address_is_refused_beside_its_field_and_not_shown_back(admin) -> None:
    page = admin.post(reverse("alerts:gateways"), typed(url=f"mailto://{TOKEN}/{{to}}"))
    assert page.status_code == 422
    assert "begins with one of" in page.text
    assert "Clinic phone" in page.text
    assert TOKEN not in page.text


def test_reports_need_a_secret(admin, settings) -> None:
    settings.ALERT_GATEWAY_HOSTS = ["127.0.0.1"]
    path = reverse("alerts:gateways")
    assert "Give the secret" in admin.post(path, typed(url=OWN)).text
    page = admin.post(path, typed(url=OWN, secret=TOKEN), follow=True)
    gateway = Gateway.objects.get()
    assert gateway.confirms
    assert reverse("alerts:reports", args=[gateway.pk]) in page.text


@pytest.mark.parametrize("hidden", ["u:p@10.0.0.1:6379@", "10.0.0.1@", "u:p@10.0.0.1%2F@"])
def test_no_address_reaches_a_host_that_was_not_allowed(admin, settings, hidden) -> None:
    settings.ALERT_GATEWAY_HOSTS = ["ok.example"]
    path = reverse("alerts:gateways")
    admin.post(path, typed(url=f"jsons://{hidden}ok.example/{{to}}"))
    for gateway in Gateway.objects.all():
        assert plugin(unseal(gateway.sealed_url), "to", "ref").host == "ok.example"
    admin.post(path, typed(url="jsons://u:p@ok.example/{to}", name="Allowed"))
    assert Gateway.objects.filter(name="Allowed").exists()


def test_two_gateways_of_a_clinic_have_two_names(admin) -> None:
    for _ in range(2):
        page = admin.post(reverse("alerts:gateways"), typed())
    assert page.status_code == 422
    assert "has a gateway with this name" in page.text
    assert Gateway.objects.count() == 1


def test_an_empty_address_keeps_the_one_that_is_stored(admin, clinic, clinic_admin) -> None:
    gateway = make_gateway(clinic, clinic_admin.user, URL)
    path = reverse("alerts:gateway_change", args=[gateway.pk])
    assert TOKEN not in admin.get(path).text
    admin.post(path, {"name": "Night phone", "url": "", "secret": ""})
    gateway.refresh_from_db()
    assert (gateway.name, unseal(gateway.sealed_url)) == ("Night phone", URL)
    assert gateway.channel == "sms"


def test_switching_off_deletes_the_secrets(admin, clinic, clinic_admin) -> None:
    gateway = make_gateway(clinic, clinic_admin.user, URL)
    for _ in range(2):
        admin.post(reverse("alerts:gateway_off", args=[gateway.pk]))
    gateway.refresh_from_db()
    assert (gateway.is_active, gateway.sealed_url, gateway.sealed_secret) == (False, "", "")
    assert AuditEvent.objects.filter(event="gateway.switched_off").count() == 1
    assert admin.get(reverse("alerts:gateway_change", args=[gateway.pk])).status_code == 404


def test_another_clinics_gateway_does_not_exist(admin, other_clinic, clinic_admin) -> None:
    other = make_gateway(other_clinic, clinic_admin.user, URL)
    for name in ("gateway_change", "gateway_off"):
        assert admin.post(reverse(f"alerts:{name}", args=[other.pk])).status_code == 404
    assert other.name not in admin.get(reverse("alerts:gateways")).text


def test_adding_a_gateway_is_all_or_nothing(clinic, clinic_admin, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise IntegrityError("audit row refused")

    monkeypatch.setattr("apps.alerts.gateway_actions.record", refuse)
    with pytest.raises(IntegrityError):
        add_gateway(
            clinic=clinic, channel="sms", name="x", url=URL, secret="", by=clinic_admin.user,
            now=NOW,
        )  # fmt: skip
    assert not Gateway.objects.exists()


def test_the_gateways_page_costs_the_same_with_many(
    admin, clinic, clinic_admin, django_assert_max_num_queries
) -> None:
    for _ in range(12):
        make_gateway(clinic, clinic_admin.user, URL)
    with django_assert_max_num_queries(10):
        admin.get(reverse("alerts:gateways"))


def test_a_person_adds_a_phone_in_any_spelling(clinic, clinic_admin, nurse) -> None:
    gateway = make_gateway(clinic, clinic_admin.user, URL)
    client, path = signed_in(nurse), reverse("alerts:contacts")
    bad = client.post(path, {"kind": gateway.pk, "address": "555 0100"})
    assert bad.status_code == 422
    assert "with its country code" in bad.text
    assert "555 0100" in bad.text
    page = client.post(path, {"kind": gateway.pk, "address": "+1 (555) 555-0100"}, follow=True)
    contact = ContactMethod.objects.get()
    assert (contact.address, contact.channel) == ("+15555550100", "sms")
    assert "on its way" in page.text


def test_a_person_cannot_use_another_clinics_gateway(other_clinic, clinic_admin, nurse) -> None:
    other = make_gateway(other_clinic, clinic_admin.user, URL)
    path = reverse("alerts:contacts")
    page = signed_in(nurse).post(path, {"kind": other.pk, "address": "+15555550100"})
    assert page.status_code == 422
    assert not ContactMethod.objects.exists()


def test_a_pager_name_with_odd_letters_is_refused(clinic, clinic_admin, nurse) -> None:
    gateway = make_gateway(clinic, clinic_admin.user, "pagerduty://{to}@" + TOKEN, channel="pager")
    path = reverse("alerts:contacts")
    page = signed_in(nurse).post(path, {"kind": gateway.pk, "address": "nell/../x?y"})
    assert "Use letters, digits" in page.text


def test_the_order_is_changed_one_place_at_a_time(nurse) -> None:
    first, second, third = (make_way(nurse, f"{n}@home.example") for n in "abc")
    client = signed_in(nurse)
    for contact in (third, first):
        client.post(reverse("alerts:contact_prefer", args=[contact.pk]))
    assert list(nurse.contacts.all()) == [first, third, second]


def test_quiet_hours_are_set_and_ended_on_the_page(nurse) -> None:
    client = signed_in(nurse)
    values = {"begins": "22:00", "ends": "22:00", "time_zone": "Europe/Madrid"}
    bad = client.post(reverse("alerts:quiet_hours"), values)
    assert bad.status_code == 422
    assert "never end" in bad.text
    page = client.post(reverse("alerts:quiet_hours"), values | {"ends": "06:30"}, follow=True)
    assert "22:00 to 06:30, Europe/Madrid" in page.text
    client.post(reverse("alerts:quiet_hours_end"))
    assert not QuietHours.objects.exists()
