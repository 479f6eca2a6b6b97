"""`manage.py import_record FILE`: bring one patient's record in from a FHIR R4 Bundle."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError
from django.utils import timezone

from apps.database.working_command import WorkingCommand
from apps.exchange.fhir.reading import parsed
from apps.exchange.fhir.within import ImportRefusedError
from apps.exchange.import_actions import import_record
from apps.patients.models import StaffMember
from apps.patients.permissions import Right, may


class Command(WorkingCommand):
    """Bring a record in, or refuse the whole file with sentences."""

    help = "Bring one patient's record in from a FHIR R4 Bundle. It drives nothing until signed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file, the clinic and the person who answers for it."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--clinic", type=UUID, required=True, help="The clinic's id.")
        parser.add_argument("--by", required=True, help="Sign-in address of who brings it in.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Say how much of each type came in."""
        member = self.member(options["clinic"], options["by"])
        try:
            text = options["file"].read_text(encoding="utf-8")
            found = import_record(
                clinic=member.clinic, bundle=parsed(text), by=member.user, now=timezone.now()
            )
        except (OSError, RecursionError, ValueError) as error:  # unreadable, no JSON, or refused
            sentences = error.sentences if isinstance(error, ImportRefusedError) else [str(error)]
            raise CommandError("Nothing was brought in. " + " ".join(sentences)) from error
        for kind, count in found.totals.items():
            self.stdout.write(f"{count:6} {kind}")
        self.stdout.write(
            f"Patient {found.patient.reference} is registered. A plan is made and signed here "
            "before it drives anything."
        )

    def member(self, clinic_id: UUID, email: str) -> StaffMember:
        """Return the person, who must be allowed to register patients there."""
        rows = StaffMember.objects.active().select_related("clinic", "user")
        member = rows.filter(clinic_id=clinic_id, user__email__iexact=email).first()
        if not may(member, Right.REGISTER_PATIENTS) or member is None:
            raise CommandError("Nobody of this clinic with this address may register patients.")
        return member
