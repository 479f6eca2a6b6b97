"""What the server takes from a passkey, played by hand: once, confirmed, and by its own person."""

import json
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from apps.accounts.proof_form import ProofFields
from tests.accounts.test_sign_in import prove_fully, sign_in

pytestmark = pytest.mark.django_db
FLAG = AuthenticatorData.FLAG
HERE = sha256(b"testserver").digest()
PATH = reverse("mfa_reauthenticate_webauthn")


class Key:
    """A passkey in somebody's hand."""

    def __init__(self, user: Any = None) -> None:
        self.id, self.secret = token_bytes(16), ec.generate_private_key(ec.SECP256R1())
        if user is not None:
            data = {"name": "Key", "credential": self.made(token_bytes(32))}
            Authenticator.objects.create(user=user, type="webauthn", data=data)

    def made(self, challenge: bytes | str) -> dict[str, Any]:
        """Return what a browser sends when it is set up."""
        public = ES256.from_cryptography_key(self.secret.public_key())
        attested = AttestedCredentialData.create(Aaguid.NONE, self.id, public)
        made = AuthenticatorData.create(HERE, FLAG.UP | FLAG.UV | FLAG.AT, 0, bytes(attested))
        response = {
            "clientDataJSON": websafe_encode(self.said("webauthn.create", challenge)),
            "attestationObject": websafe_encode(bytes(AttestationObject.create("none", made, {}))),
        }
        return self.named(response)

    def said(self, kind: str, challenge: bytes | str) -> bytes:
        return bytes(CollectedClientData.create(kind, challenge, "https://testserver"))

    def named(self, response: dict[str, str]) -> dict[str, Any]:
        key = websafe_encode(self.id)
        return {
            "id": key, "rawId": key, "type": "public-key", "clientExtensionResults": {},
            "response": response,
        }  # fmt: skip

    def answer(self, challenge: str, flags: int, *, of: str = "") -> str:
        """Return what a browser sends for this challenge; `of` whom, where nobody signed in yet."""
        said = json.dumps(
            {"type": "webauthn.get", "challenge": challenge, "origin": "https://testserver"}
        ).encode()
        seen = bytes(AuthenticatorData.create(HERE, flags, 1))
        signed = self.secret.sign(seen + sha256(said).digest(), ec.ECDSA(SHA256()))
        return json.dumps(
            self.named(
                {
                    "clientDataJSON": websafe_encode(said),
                    "authenticatorData": websafe_encode(seen),
                    "signature": websafe_encode(signed),
                    **({"userHandle": websafe_encode(of.encode())} if of else {}),
                }
            )
        )


def challenge_of(client: Client) -> str:
    """Return what the server asks the passkey to sign in this session."""
    assert client.get(PATH).status_code == 200
    return str(client.session["mfa.webauthn.state"]["challenge"])


def proofs(client: Client) -> int:
    """Return how often this session's person proved themselves by a passkey."""
    rows = client.session["account_authentication_methods"]
    return sum(row.get("type") == "webauthn" for row in rows)


def test_a_confirmed_passkey_proves_once(nurse) -> None:
    client, key = sign_in(nurse), Key(nurse.user)
    answer = key.answer(challenge_of(client), FLAG.UP | FLAG.UV)
    client.post(PATH, {"credential": answer})
    assert proofs(client) == 1
    before = client.session["account_authentication_methods"]
    for _ in range(2):  # the same again, with and without a new question
        client.post(PATH, {"credential": answer})
        assert client.session["account_authentication_methods"] == before
        challenge_of(client)


def test_a_key_that_asked_for_no_pin_or_finger_proves_nothing(nurse) -> None:
    """Whoever found the key and the open session would else sign with nothing they know."""
    client, key = sign_in(nurse), Key(nurse.user)
    client.post(PATH, {"credential": key.answer(challenge_of(client), FLAG.UP)})
    assert proofs(client) == 0
    assert settings.MFA_WEBAUTHN_USER_VERIFICATION == "required"


def test_nobody_elses_passkey_proves_who_one_is(nurse, prescriber) -> None:
    client, other = sign_in(nurse), sign_in(prescriber)
    mine, theirs = Key(nurse.user), Key(prescriber.user)
    asked = challenge_of(client)
    client.post(PATH, {"credential": theirs.answer(asked, FLAG.UP | FLAG.UV)})
    # One's own key, but an answer to what another session was asked.
    elsewhere = challenge_of(other)
    challenge_of(client)
    client.post(PATH, {"credential": mine.answer(elsewhere, FLAG.UP | FLAG.UV)})
    assert proofs(client) == 0


def test_to_set_up_a_passkey_signs_nothing(prescriber) -> None:
    """Only a confirmation does: else who was asked to set one up would sign the next plan by it."""
    client, key, page = sign_in(prescriber), Key(), reverse("mfa_add_webauthn")
    prove_fully(client, prescriber)
    assert client.get(page).status_code == 200
    credential = json.dumps(key.made(client.session["mfa.webauthn.state"]["challenge"]))
    assert client.post(page, {"name": "Mine", "credential": credential}).status_code == 302
    assert client.get(page).status_code == 200, "for another factor it is a proof"
    assert not signs(client, prescriber)
    client.post(PATH, {"credential": key.answer(challenge_of(client), FLAG.UP | FLAG.UV)})
    assert signs(client, prescriber)


def signs(client: Client, member: Any) -> bool:
    """Answer whether the tick beside the passkey signs now."""
    request = RequestFactory().post("/")
    request.user, request.session = member.user, client.session
    return ProofFields({"passkey": "on"}, request=request).is_valid()
