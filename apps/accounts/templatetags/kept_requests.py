"""What waits for the proof that a page asks for."""

from typing import Any

from allauth.account.utils import get_next_redirect_url
from django import template
from django.urls import Resolver404, resolve

from apps.accounts.kept import Kept, find

register = template.Library()


@register.simple_tag(takes_context=True)
def what_waits(context: dict[str, Any]) -> Kept | None:
    """Return what the page goes on to after the proof, if that is something kept."""
    request = context["request"]
    try:
        match = resolve(get_next_redirect_url(request) or "")
    except Resolver404:
        return None
    key = match.kwargs.get("kept_id")
    return find(request, str(key)) if key else None
