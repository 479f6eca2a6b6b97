"""What keeps somebody from using a page: axe's violations, and a page wider than its screen."""

from functools import cache
from typing import Any

# Only what is wrong is handed over, and no selectors are worked out for what is right.
ASK = """async () => {
  const found = await axe.run({resultTypes: ["violations"], selectors: false});
  return found.violations.map((rule) => [rule.id, rule.nodes[0].html.slice(0, 200)]);
}"""
WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@cache
def axe_source() -> str:
    """Return axe-core, which is handed to a page once."""
    from axe_playwright_python.sync_playwright import Axe

    return str(Axe().axe_script)


def barriers(page: Any) -> list[Any]:
    """Return every rule that the page breaks, with the first element that breaks it."""
    if page.evaluate("() => !window.axe"):
        page.evaluate(axe_source())
    found: list[Any] = page.evaluate(ASK)
    return [*found, "wider than the screen"] if page.evaluate(WIDE) else found
