"""`python -m tests.bench [NAME…]`: measure, print a table, write bench.json in the data folder."""

import argparse
import importlib
import pkgutil
import sys

from tests.faults.rig import Rig


def main() -> int:
    """Measure what is named, or everything; exit 1 when a must is missed."""
    parser = argparse.ArgumentParser(prog="tests.bench")
    parser.add_argument("names", nargs="*", help="measurements to run (all)")
    parser.add_argument("--list", action="store_true", help="name the measurements and stop")
    options = parser.parse_args()
    rig = Rig()
    try:
        rig.start_servers(settings="config.settings_test")
        return run(rig, options.names, listing=options.list)
    finally:
        rig.stop()


def run(rig: Rig, wanted: list[str], *, listing: bool) -> int:
    """Set Django up on the servers, then measure one after the other."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)
    # Imported here: measurements import models.
    import tests.bench as package
    from tests.bench.registry import MEASURES, Figure, machine, table, write_json
    from tests.bench.stage import Stage

    for module in pkgutil.iter_modules(package.__path__):
        if module.name != "__main__" and not module.name.startswith("test_"):
            importlib.import_module(f"tests.bench.{module.name}")
    if listing:
        print("\n".join(sorted(name for names in MEASURES for name in names)))
        return 0
    print(machine(), flush=True)
    figures: list[Figure] = []
    for names, measure in MEASURES.items():
        if not wanted or set(wanted) & set(names):
            print(f"measuring {', '.join(names)} …", flush=True)
            figures += measure(Stage(rig))
    print(table(figures))
    print(f"written to {write_json(figures)}")
    return 1 if any(figure.verdict == "MISSED" for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
