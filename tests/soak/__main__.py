"""`make soak`: let a newsletter live for twenty minutes under load and with faults.

`--minutes 2` is shorter, and so is `SHARE=0.1`; `--store` plays it on one kind of store only.
`--without GUARD` plays a short one of a program in which something is wrong, and has to find that.
It leaves with 1 where it finds a fault.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.soak.campaign import campaign, without
from tests.soak.guards import GUARDS

_STORES = {"sqlite": ["sqlite"], "postgresql": ["postgresql"], "both": ["sqlite", "postgresql"]}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--store", choices=_STORES, default="both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", choices=GUARDS, help="what is to be wrong")
    options = parser.parse_args(arguments)
    if options.without:
        return min(1, without(GUARDS[options.without], options.seed))
    minutes = options.minutes * float(os.environ.get("SHARE", "1"))
    return min(1, campaign(_STORES[options.store], minutes, options.seed))


if __name__ == "__main__":
    sys.exit(main())
