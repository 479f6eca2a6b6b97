"""`{% csrf_token %}` of every page: with it, for which clinic the page was drawn.

A builtin of the templates (config/settings.py), so that no form can be written without it.
"""

from typing import Any

from django import template
from django.template.base import Parser, Token
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.accounts.kept import clinic_of
from apps.patients.drawn_for import FIELD

register = template.Library()


class FormKeys(CsrfTokenNode):
    """Django's hidden field, and one with the clinic where the reader works in one."""

    def render(self, context: Any) -> SafeString:
        """Return both; nothing more than Django's to a patient or where nobody is signed in."""
        html = super().render(context)
        clinic = clinic_of(getattr(context, "request", None))
        if not html or not clinic:
            return SafeString(html)
        return format_html('{}<input type="hidden" name="{}" value="{}">', html, FIELD, clinic)


@register.tag
def csrf_token(parser: Parser, token: Token) -> FormKeys:
    """Put in place of Django's tag of this name."""
    return FormKeys()
