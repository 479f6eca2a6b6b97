"""URLs of the JSON API. Every one but its OpenAPI asks for a token, and for nothing else."""

from collections.abc import Callable
from typing import cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_safe

# Imported for what they add to the API.
from apps.api import acting, planning, reading
from apps.api.entry import api, schema

__all__ = ["acting", "planning", "reading", "urlpatterns"]
app_name = "api"


@login_not_required
@require_safe
def openapi(request: HttpRequest) -> JsonResponse:
    """Give the OpenAPI to everybody: it is in the source, and says nothing of a clinic."""
    return JsonResponse(schema())


# The root shows nothing that the OpenAPI does not.
operations = [
    pattern for pattern in cast("list[URLPattern]", api.urls[0]) if pattern.name != "api-root"
]
# The token is asked for inside; a browser's session is none.
for pattern in operations:
    pattern.callback = login_not_required(cast("Callable[..., HttpResponse]", pattern.callback))
urlpatterns = [path("openapi.json", openapi, name="openapi"), *operations]
