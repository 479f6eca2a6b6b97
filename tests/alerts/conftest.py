"""What several tests of alerts stand on."""

from collections.abc import Iterator

import pytest

from tests.harness.gateway import GatewayServer


@pytest.fixture
def provider() -> Iterator[GatewayServer]:
    """Yield a provider of text messages: a real HTTP server on loopback."""
    with GatewayServer() as server:
        yield server
