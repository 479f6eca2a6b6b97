"""`manage.py run_dispatcher`: deliver alerts straight from PostgreSQL."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from apps.accounts.starting import refuse_weak
from apps.alerts import dispatcher
from apps.database.login import refuse_owner
from config.logs import tell_uncaught


class Command(BaseCommand):
    """Run until told to stop; a mail in hand is finished first."""

    help = "Deliver alert mails and sweep, without a broker. Several may run at once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the dispatcher until SIGTERM or SIGINT."""
        tell_uncaught()
        refuse_weak()
        refuse_owner()
        self.running = True
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self.stop)
        self.stdout.write("dispatcher ready")
        self.stdout.flush()
        dispatcher.run(lambda: self.running)

    def stop(self, *args: Any) -> None:
        """Finish what is in hand and leave."""
        self.running = False
