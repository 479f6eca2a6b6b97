"""The real parts, for the tests of the parts themselves."""

from tests.harness.fixtures import *  # noqa: F403
