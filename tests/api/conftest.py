"""Programs that ask."""

from typing import Any

import pytest

from apps.patients.models import StaffMember
from apps.programs.models import Program
from tests.security.walk import ProgramClient


class Asker(ProgramClient):
    """A program with what it knows of itself."""

    def __init__(self, member: StaffMember) -> None:
        super().__init__(member)
        self.member = member
        self.program = Program.objects.get(member=member)

    def sends(self, path: str, data: dict[str, Any], key: str | None = None) -> Any:
        """Send JSON, under this key if one is given."""
        return self.post(path, data, headers={"Idempotency-Key": key} if key else {})


@pytest.fixture
def asker(nurse) -> Asker:
    return Asker(nurse)


@pytest.fixture
def planner(prescriber) -> Asker:
    return Asker(prescriber)
