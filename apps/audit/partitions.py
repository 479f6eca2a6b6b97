"""The audit record is kept by month; room is made ahead, and no row is refused for want of it."""

from django.db import connection


def make_partitions() -> int:
    """Make the partitions of this month and the next three; return how many rows had none.

    Such rows lay in the default partition and are in their month afterwards. Safe to call at any
    time and twice. By the owner's rights inside PostgreSQL, so work for every clinic may ask for it
    (docs/adr/0061). Raises `django.db.OperationalError` where somebody holds the table for seconds.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_make_partitions()")
        return int(cursor.fetchone()[0])
