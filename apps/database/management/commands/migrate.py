"""`migrate`, run by the owner of the tables, who then brings the wall up to date."""

from django.core.management.commands import migrate

from apps.database.owners import OwnersCommand


class Command(OwnersCommand, migrate.Command):
    """Django's command, and after it a policy and the rights of every table."""
