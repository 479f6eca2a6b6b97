"""A walk over every URL of the project, by the table itself, as everybody who may open it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.kept import OF_THE_FORM
from apps.alerts.links import token_for
from apps.alerts.models import Delivery
from apps.checkins.link_actions import create_link
from apps.exchange.actions import make_feed
from apps.exchange.fhir.bundle import SOURCES, collection
from apps.exchange.fhir.elements import as_json
from apps.exchange.fhir.record import Record
from apps.exchange.fhir_views import NOBODYS
from apps.patients.models import Patient, StaffMember
from apps.portal.actions import INVITED, give_consent, invite_patient
from apps.portal.tokens import link_token
from apps.portal.trusted_actions import DOOR
from apps.programs.scopes import Scope
from tests import test_access_matrix as staff_matrix
from tests.conftest import signed_in
from tests.factories import (
    SEIZURE,
    make_invitation,
    make_member,
    make_program,
    make_trusted,
    today,
    token_for_program,
)
from tests.portal import test_patient_matrix as patient_matrix
from tests.portal.conftest import signed_in_as
from tests.security import test_url_table as url_table

GET = frozenset({"GET"})
FIELD = re.compile(r'<(?:input|select|textarea|button)[^>]*\bname="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Stop:
    """One URL with the browser of somebody who may open it."""

    name: str
    path: str
    methods: frozenset[str]
    client: Client
    body: Any = None  # what a program sends there: as JSON

    def fields(self) -> list[str]:
        """Return the names of the fields on the page, if it has a page.

        Not those that nobody types: with a wrong clinic in it every form is refused at the door,
        and the walk would see no page behind it.
        """
        if "GET" not in self.methods:
            return []
        page = self.client.get(self.path)
        return sorted(set(FIELD.findall(page.content.decode(errors="replace"))) - {*OF_THE_FORM})


def every_stop(patient: Patient, member: StaffMember, note: str = "a note") -> Iterator[Stop]:
    """Yield every URL but the library's; `note` is what a program writes where it may."""
    own = staff_matrix.objects_of(patient, member)
    clients: dict[str, Client] = {}
    for name, (methods, roles, needs) in staff_matrix.MATRIX.items():
        role = min(roles)
        if role not in clients:
            clients[role] = signed_in(make_member(patient.clinic, role))
        path = staff_matrix.path_of(name, needs, own)
        yield Stop(name, path, frozenset(methods), clients[role])
    yield from _of_the_patient(patient)
    yield from _of_strangers(patient, member, own)
    yield from _of_their_own(member)
    yield from _of_programs(own, member, note)
    yield from _of_fhir(patient, member)


def _of_their_own(member: StaffMember) -> Iterator[Stop]:
    """Yield what is each person's own, asked for by that person."""
    things = url_table.own_things(member)
    for name in sorted(staff_matrix.OWN):
        yield Stop(name, url_table.own_path(name, things), frozenset({"POST"}), signed_in(member))


def _of_fhir(patient: Patient, member: StaffMember) -> Iterator[Stop]:
    token = token_for_program(make_program(member, Scope.FHIR_READ, Scope.FHIR_WRITE))
    client = Client(headers={"Authorization": f"Bearer {token}"})
    for kind in SOURCES:
        path = reverse("exchange:fhir_search", args=[kind])
        mine = "" if kind in ("Patient", *NOBODYS) else f"?patient={patient.pk}"
        yield Stop("exchange:fhir_search", path + mine, GET, client)
        path_of_form = reverse("exchange:fhir_search_by_form", args=[kind])
        yield Stop("exchange:fhir_search_by_form", path_of_form, frozenset({"POST"}), client)
        found = json.loads(client.get(path + mine).content)
        for entry in found.get("entry", [])[:1]:
            path = reverse("exchange:fhir_read", args=[kind, entry["resource"]["id"]])
            yield Stop("exchange:fhir_read", path, GET, client)
    record = json.loads(as_json(collection(Record(patient, timezone.now()))))
    path = reverse("exchange:fhir_bring_in")
    yield Stop("exchange:fhir_bring_in", path, frozenset({"POST"}), client, record)


def _of_the_patient(patient: Patient) -> Iterator[Stop]:
    give_consent(patient=patient, language="en", now=timezone.now())
    things = patient_matrix.things_of(patient)
    # What ends the session or the agreement comes last.
    last = ("portal:withdraw", "portal:sign_out")
    for name in sorted(patient_matrix.MATRIX, key=lambda name: (name in last, name)):
        methods = frozenset(patient_matrix.MATRIX[name][0])
        yield Stop(name, patient_matrix.path_of(name, things), methods, signed_in_as(patient))


class ProgramClient(Client):
    """A program: asks with its token, and in JSON."""

    def __init__(self, member: StaffMember) -> None:
        super().__init__(
            headers={"authorization": f"Bearer {token_for_program(make_program(member))}"}
        )

    def post(self, path: str, data: Any = None, **more: Any) -> Any:
        """Send JSON under a key of its own."""
        headers = {"Idempotency-Key": str(uuid4())} | (more.pop("headers", None) or {})
        more.setdefault("content_type", "application/json")
        return super().post(path, {} if data is None else data, headers=headers, **more)


def bodies_of(note: str) -> dict[str, Any]:
    """Return what a program sends to each address that takes something, with these words in it."""
    answers = {key: list(v) if isinstance(v, tuple) else v for key, v in SEIZURE.items()}
    seen = {"seen_by": str(uuid4()), "seen_at": timezone.now().isoformat()}
    return {
        "api:alert_acknowledge": seen,
        "api:alert_close": {**seen, "outcome": "spoke", "note": note},
        "api:check_in": {
            "questionnaire": "daily", "submission_id": str(uuid4()),
            "answers": {**answers, "free_text": note},
        },
        "api:plan_preview": {"start_on": today().isoformat(), "percent": "5"},
    }  # fmt: skip


def _of_programs(own: dict[str, Any], member: StaffMember, note: str) -> Iterator[Stop]:
    client, bodies = ProgramClient(member), bodies_of(note)
    for name, (method, _, needs) in staff_matrix.PROGRAMS.items():
        path = reverse(name, kwargs={needs: {**own, "kind": "daily"}[needs]} if needs else {})
        yield Stop(name, path, frozenset({method}), client, bodies.get(name))


def _of_strangers(patient: Patient, member: StaffMember, own: dict[str, Any]) -> Iterator[Stop]:
    for name, needs in staff_matrix.PUBLIC.items():
        token = real_token(name, patient, member)
        values = {**own, "clinic_id": patient.clinic_id, "token": token}
        path = reverse(name, kwargs={needs: values[needs]} if needs else {})
        yield Stop(name, path, frozenset({"GET", "POST"}), Client())


def real_token(name: str, patient: Patient, member: StaffMember) -> str:
    """Return a token that opens this URL where one can be made here, else one that opens none."""
    if name.startswith("checkins:"):
        return create_link(patient=patient, by=None, now=timezone.now())
    if name == "alerts:take":
        delivery = Delivery.objects.filter(alert__patient=patient).first()
        return token_for(delivery.pk) if delivery else "x" * 43
    if name == "dashboard:join":
        return make_invitation(member, role="clinic_admin", now=timezone.now()).token
    if name == "exchange:feed":
        return make_feed(patient=patient, with_names=True, by=None, now=timezone.now())
    if name == "portal:invited":
        invitation = invite_patient(
            patient=patient,
            address=patient.email or "walked@home.example",
            by=member.user,
            now=timezone.now(),
        )
        return link_token(INVITED, invitation.pk)
    if name.startswith("portal:trusted"):
        return link_token(DOOR, make_trusted(patient).pk)
    return "x" * 43


def answers(stop: Stop, data: dict[str, Any], methods: frozenset[str]) -> Iterator[Any]:
    """Yield the answer of each method that the URL takes."""
    for method in sorted(methods & stop.methods):
        ask = stop.client.get if method == "GET" else stop.client.post
        yield ask(stop.path, data if method != "GET" else None)
