"""`python -m bench.nlp [names] [--json]` measures how what people type is understood, and prints one table."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict

# One thread, before anything that would start more is loaded.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", NUMBA_NUM_THREADS="1")

from bench.nlp import categories, matching, routing
from bench.nlp.table import Line, printed

SECTIONS: dict[str, Callable[[], list[Line]]] = {
    "faq": matching.quality,
    "size": matching.size,
    "routing": routing.lines,
    "categories": categories.lines,
}


def main() -> int:
    """Run the named sections; the exit code says whether everything was reached."""
    parser = argparse.ArgumentParser(prog="python -m bench.nlp", description="understanding, beside its peers")
    parser.add_argument("names", nargs="*", choices=[*SECTIONS, "all"], default="all", metavar="section")
    parser.add_argument("--json", action="store_true", help="one object a line instead of a table")
    given = parser.parse_args()
    lines: list[Line] = []
    for name in SECTIONS if "all" in given.names else given.names:
        if not given.json:
            print(f"{name} …", file=sys.stderr, flush=True)
        lines += SECTIONS[name]()
    print("\n".join(json.dumps(asdict(line)) for line in lines) if given.json else printed(lines))
    return 0 if all(line.reached for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
