"""The lines of the board, kept as HTML: apps/dashboard/board_lines.py."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from apps.dashboard.board_lines import alert_line, line_html

register = template.Library()


@register.simple_tag(takes_context=True)
def alert_row(context: Context, alert: Any) -> SafeString:
    """Draw the line of an alert."""
    return row(context, "dashboard/alert_row.html", alert_line(alert))


@register.simple_tag(takes_context=True)
def job_row(context: Context, job: Any) -> SafeString:
    """Draw the line of a task, or of something seen."""
    return row(context, "dashboard/job_row.html", job)


def row(context: Context, name: str, line: Any) -> SafeString:
    """Draw a line for the reader of this page, with the page's own token."""
    return line_html(
        name,
        line,
        str(context["csrf_token"]),
        may_handle=context["may_handle"],
        wrong=context.get("wrong"),
    )


@register.simple_tag
def options(choices: Sequence[tuple[str, str]], chosen: str) -> SafeString:
    """Draw the choices of a select element, one of them chosen."""
    return drawn_options(tuple(choices), chosen)


@lru_cache(maxsize=50)
def drawn_options(choices: tuple[tuple[str, str], ...], chosen: str) -> SafeString:
    """Draw them once: a hundred lines have the same."""
    rows = ((value, " selected" if value == chosen else "", label) for value, label in choices)
    return format_html_join("", '<option value="{}"{}>{}</option>', rows)
