"""`manage.py create_clinic`: the first thing on a new installation."""

import sys
from argparse import ArgumentParser
from getpass import getpass
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.dashboard.clinic_actions import ClinicError, open_clinic
from apps.patients.models import Clinic

OF_THE_CLINIC = (
    "name", "time_zone", "phone", "after_hours_phone", "emergency_number", "crisis_line",
)  # fmt: skip


class Command(BaseCommand):
    """Open a clinic and give it its first admin."""

    help = "Open a clinic with its first admin. Asks for a password, or reads one line of input."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what patients are told to call, and who the admin is."""
        parser.add_argument("name", help="as patients and staff read it")
        parser.add_argument("--time-zone", required=True, help="for instance America/New_York")
        parser.add_argument("--phone", required=True, help="what patients call in working hours")
        parser.add_argument("--after-hours-phone", required=True, help="what they call at night")
        parser.add_argument("--emergency-number", default="911")
        parser.add_argument("--crisis-line", default="988")
        parser.add_argument("--admin-email", required=True)
        parser.add_argument("--admin-name", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Open it and say where the admin signs in."""
        if options["time_zone"] not in available_timezones():
            raise CommandError(f"{options['time_zone']} is no time zone.")
        kept = (
            "name",
            "time_zone",
            "phone",
            "after_hours_phone",
            "emergency_number",
            "crisis_line",
        )
        clinic = Clinic(**{name: options[name] for name in kept})
        typed = getpass("Password of the admin: ") if sys.stdin.isatty() else sys.stdin.readline()
        try:
            open_clinic(
                clinic=clinic, email=options["admin_email"], full_name=options["admin_name"],
                password=typed.rstrip("\n"), now=timezone.now(),
            )  # fmt: skip
        except ClinicError as error:
            raise CommandError(str(error)) from error
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write("The clinic is open: its admin signs in and sets up a second factor.")
