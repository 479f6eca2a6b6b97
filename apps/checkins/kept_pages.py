"""Pages that many patients get alike, rendered once in a process: they say nothing of a person."""

from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, Final

from django.db.models import Model
from django.template.loader import render_to_string
from django.utils import translation

KEPT_AT_MOST: Final = 200  # of each template


class KeptPages:
    """The pages of one template. All that is in one decides which one is given.

    What differs for everybody, such as a token, is put in afterwards: in the context it would
    make a page of its own each time. Pages that name a time push each other out.
    """

    def __init__(self, template: str) -> None:
        self.template = template
        self.pages: OrderedDict[str, str] = OrderedDict()
        self.lock = Lock()

    def render(self, context: Mapping[str, Any]) -> str:
        """Return the page in the language of the moment."""
        key = repr((translation.get_language(), [in_full(value) for value in context.values()]))
        with self.lock:
            page = self.pages.pop(key, None)
        if page is None:
            page = render_to_string(self.template, dict(context))
        with self.lock:
            self.pages[key] = page
            while len(self.pages) > KEPT_AT_MOST:
                self.pages.popitem(last=False)
        return page


def in_full(value: object) -> object:
    """Return what a value says: of a row every column, so that a change makes a new page."""
    if isinstance(value, Model):
        return [getattr(value, field.attname) for field in value._meta.concrete_fields]
    return value
