"""A walk over every URL of the project, by the table itself, as everybody who may open it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.alerts.links import token_for
from apps.alerts.models import Delivery
from apps.checkins.actions import create_link
from apps.patients.models import Patient, StaffMember
from apps.portal.actions import give_consent
from apps.programs.scopes import Scope
from tests import test_access_matrix as staff_matrix
from tests.conftest import signed_in
from tests.factories import make_invitation, make_member, make_program, token_for_program
from tests.portal import test_patient_matrix as patient_matrix
from tests.portal.conftest import signed_in_as

GET = frozenset({"GET"})
FIELD = re.compile(r'<(?:input|select|textarea|button)[^>]*\bname="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Stop:
    """One URL with the browser of somebody who may open it."""

    name: str
    path: str
    methods: frozenset[str]
    client: Client

    def fields(self) -> list[str]:
        """Return the names of the fields on the page, if it has a page."""
        if "GET" not in self.methods:
            return []
        page = self.client.get(self.path)
        return sorted(set(FIELD.findall(page.content.decode(errors="replace"))))


def every_stop(patient: Patient, member: StaffMember) -> Iterator[Stop]:
    """Yield every URL in the tables of staff, of patients and of strangers."""
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
    yield from _of_programs(own, member)
    yield from _of_fhir(patient, member)


def _of_fhir(patient: Patient, member: StaffMember) -> Iterator[Stop]:
    token = token_for_program(make_program(member, Scope.FHIR_READ))
    client = Client(headers={"Authorization": f"Bearer {token}"})
    for kind in ("Patient", "MedicationRequest", "QuestionnaireResponse", "Communication"):
        path = reverse("exchange:fhir_search", args=[kind])
        yield Stop("exchange:fhir_search", f"{path}?patient={patient.pk}", GET, client)
    path = reverse("exchange:fhir_read", args=["Patient", str(patient.pk)])
    yield Stop("exchange:fhir_read", path, GET, client)


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


def _of_programs(own: dict[str, Any], member: StaffMember) -> Iterator[Stop]:
    client = ProgramClient(member)
    for name, (method, _, needs) in staff_matrix.PROGRAMS.items():
        path = reverse(name, kwargs={needs: {**own, "kind": "daily"}[needs]} if needs else {})
        yield Stop(name, path, frozenset({method}), client)


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
        return make_invitation(member, now=timezone.now()).token
    return "x" * 43


def answers(stop: Stop, data: dict[str, Any], methods: frozenset[str]) -> Iterator[Any]:
    """Yield the answer of each method that the URL takes."""
    for method in sorted(methods & stop.methods):
        ask = stop.client.get if method == "GET" else stop.client.post
        yield ask(stop.path, data if method != "GET" else None)
