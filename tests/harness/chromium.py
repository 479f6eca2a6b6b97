"""Find a Chromium for the browser tests; `python -m tests.harness.chromium` installs one if needed.

There is no test run without a browser: a missing one is an error with a sentence, never a skip.
The build without a window is looked for first: the same pages for a third of the work, because the
whole one draws its own tabs and buttons around every page even where nobody sees them. ADR 89.
"""

import os
import shutil
import subprocess
import sys

from playwright.sync_api import Browser, Playwright, sync_playwright

SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A last switch replaces an earlier one: first what playwright switches off, then what draws pages
# of the browser's own (suggestions under the address) and keeps a process in stock for each page.
SWITCHED_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints",
    "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch",
    "SpareRendererForSitePerProcess", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
)  # fmt: skip
ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(SWITCHED_OFF)}",
]
ADVICE = (
    "The browser tests need Chromium and none could be installed: install it (Debian: "
    "apt install chromium), or name one with CHROMIUM=/path/to/chromium, then try again."
)


def find_chromium(playwright: Playwright | None = None) -> str | None:
    """Return the browser of CHROMIUM, else one on PATH, else the one playwright installed."""
    if named := os.environ.get("CHROMIUM"):
        return named
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if playwright is None:
        with sync_playwright() as started:
            return find_chromium(started)
    own = playwright.chromium.executable_path
    return own if os.path.exists(own) else None


def launch(playwright: Playwright) -> Browser:
    """Start the browser without a window."""
    path = find_chromium(playwright)
    assert path, ADVICE
    return playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


def starts() -> str | None:
    """Return the browser's version if one is found and starts."""
    try:
        with sync_playwright() as playwright:
            browser = launch(playwright)
            version = browser.version
            browser.close()
            return version
    except Exception as error:
        print(f"No browser yet: {str(error).splitlines()[0]}", file=sys.stderr)
        return None


def install() -> None:
    """Install Chromium: root from the system's packages, others into playwright's own folder."""
    commands = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        packages = ["apt-get", "install", "--yes", "--no-install-recommends"]
        wanted = [[*packages, SHELL], [*packages, "chromium"]]  # some systems have the whole alone
        commands = [["apt-get", "update"], *wanted, *commands]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in commands:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            reason = next((line for line in said if "rror" in line), said[-1])
            print(f"{' '.join(command)}: {reason.strip()}", file=sys.stderr)
        if find_chromium():
            return


def main() -> int:
    """Return 0 if a browser starts, installing one first if there is none."""
    if find_chromium() is None:
        print("Installing Chromium for the browser tests, once …", flush=True)
        install()
    if find_chromium() is None or starts() is None:
        print(ADVICE, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
