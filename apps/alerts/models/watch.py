"""What the machinery says of itself: no clinical data here."""

from django.db import models


class Heartbeat(models.Model):
    """When a background process last showed a sign of life."""

    name = models.CharField(max_length=20, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} {self.beat_at:%H:%M:%S}"
