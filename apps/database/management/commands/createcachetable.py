"""`createcachetable`, run by the owner of the tables, who then brings the wall up to date."""

from django.core.management.commands import createcachetable

from apps.database.owners import OwnersCommand


class Command(OwnersCommand, createcachetable.Command):
    """Django's command, and after it a policy and the rights of every table."""
