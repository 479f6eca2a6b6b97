"""`manage.py verify_audit`: find every audit row that was edited, removed or put in."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from apps.audit.chain import Head, heads, late_seals, problems
from apps.database.working_command import WorkingCommand


class Command(WorkingCommand):
    """Read the whole record; exit 1 if it was tampered with, or is not being sealed."""

    by_the_owner = True
    help = (
        "Verify the hash chains of the audit record. Keep the printed heads somewhere else: "
        "--known FILE then finds a chain that was cut at its end or rewritten as a whole."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Accept the heads that were kept elsewhere."""
        parser.add_argument("--known", type=Path, help="file with heads printed before")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the problems, or the present heads."""
        found = list(problems(known=self.known(options["known"])))
        late = list(late_seals(timezone.now()))
        for problem in found + late:
            self.stderr.write(problem)
        if found:
            raise CommandError(f"The audit record was tampered with: {len(found)} problems.")
        if late:
            raise CommandError("The newest part of the record is not sealed: does seal_audit run?")
        ends = heads()
        for head in ends:
            self.stdout.write(str(head))
        self.stdout.write(f"intact: {sum(head.sequence for head in ends)} sealed rows")

    def known(self, file: Path | None) -> list[Head]:
        """Return the heads in the file; other lines of this command's output are passed over."""
        if file is None:
            return []
        try:
            lines = file.read_text("utf-8").splitlines()
            return [Head.parse(line) for line in lines if line and not line.startswith("intact")]
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from error
