"""What decides who gets in from then on takes both factors, and no less for an open browser."""

import time

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts.urls import PROVED_FULLY
from tests.accounts.test_passkey_ceremony import FLAG, PATH, Key, challenge_of
from tests.accounts.test_sign_in import prove_fully, sign_in
from tests.conftest import go_on
from tests.factories import PASSWORD, code_of

pytestmark = pytest.mark.django_db
BY_PASSWORD, BY_CODE = reverse("account_reauthenticate"), reverse("mfa_reauthenticate")
# As whoever found the browser would: they know one thing, and want a way in of their own.
FACTORS = sorted(PROVED_FULLY - {"mfa_activate_totp"})


def factors(member) -> list[tuple[str, str]]:
    rows = Authenticator.objects.filter(user=member.user).order_by("pk")
    return [(row.type, str(row.data)) for row in rows]


def where(answer) -> str:
    return answer.headers.get("Location", "").partition("?")[0]


def forget(client: Client, method: str) -> None:
    """Let five minutes go by since this proof."""
    session = client.session
    for row in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        row["at"] -= 301 * (row["method"] == method)
    session.save()


def page(name: str, member) -> str:
    key = Authenticator.objects.filter(user=member.user, type="webauthn").first()
    return reverse(name, args=[key.pk] if name == "mfa_remove_webauthn" and key else [])


@pytest.mark.parametrize("name", FACTORS)
def test_one_factor_alone_changes_no_factor(name, nurse) -> None:
    RecoveryCodes.activate(nurse.user)
    Key(nurse.user)
    before = factors(nurse)
    by_password, by_code = sign_in(nurse), sign_in(nurse)
    by_password.post(BY_PASSWORD, {"password": PASSWORD})
    cache.clear()
    by_code.post(BY_CODE, {"code": code_of(nurse.user)})
    for client, missing in ((by_password, BY_CODE), (by_code, BY_PASSWORD)):
        for method in ("get", "post"):
            assert where(getattr(client, method)(page(name, nurse))) == missing
    assert factors(nurse) == before


def test_one_page_asks_after_the_other_and_leads_back(nurse) -> None:
    client = sign_in(nurse)
    asked = client.get(reverse("mfa_add_webauthn"))
    assert where(asked) == BY_PASSWORD
    again = client.get(go_on(client, asked).headers["Location"])
    assert where(again) == BY_CODE
    assert "change how you sign in" in client.get(again.headers["Location"]).text
    cache.clear()
    waits = client.post(again.headers["Location"], {"code": code_of(nurse.user)}, follow=True)
    there = client.get(
        waits.context["kept"].path, {waits.context["field"]: waits.context["kept_id"]}
    )
    assert client.get(there.headers["Location"]).status_code == 200


def test_a_passkey_is_both_in_one(nurse) -> None:
    client, key = sign_in(nurse), Key(nurse.user)
    client.post(PATH, {"credential": key.answer(challenge_of(client), FLAG.UP | FLAG.UV)})
    assert client.get(reverse("mfa_add_webauthn")).status_code == 200


def test_an_old_proof_counts_no_more(nurse) -> None:
    client = sign_in(nurse)
    prove_fully(client, nurse)
    assert client.get(reverse("mfa_add_webauthn")).status_code == 200
    forget(client, "password")
    assert where(client.get(reverse("mfa_add_webauthn"))) == BY_PASSWORD


@pytest.mark.django_db(transaction=True)  # a new factor is told of when it is stored
def test_who_has_no_second_factor_yet_sets_one_up_by_the_password(nurse) -> None:
    """As after an invitation: the page after the proof is not shut to them."""
    Authenticator.objects.filter(user=nurse.user).delete()
    client = Client()
    client.post(reverse("account_login"), {"login": nurse.user.email, "password": PASSWORD})
    asked = client.get(reverse("mfa_activate_totp"))
    form = client.get(go_on(client, asked).headers["Location"])
    secret = form.context["form"].secret
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    assert client.post(reverse("mfa_activate_totp"), {"code": code}).status_code == 302
    assert Authenticator.objects.filter(user=nurse.user, type="totp").exists()
    assert client.get(reverse("mfa_view_recovery_codes")).status_code == 200, "the code counts"
    forget(client, "mfa")
    assert where(client.get(reverse("mfa_view_recovery_codes"))) == BY_CODE


def test_a_recovery_code_stands_for_a_lost_app(nurse) -> None:
    (code, *_) = RecoveryCodes.activate(nurse.user).get_unused_codes()
    client = sign_in(nurse)
    client.post(BY_PASSWORD, {"password": PASSWORD})
    client.post(BY_CODE, {"code": code})
    assert client.get(reverse("mfa_deactivate_totp")).status_code == 200
