"""`make hostile`: run every command where people really run such programs, and see what comes.

`SHARE=0.1` plays a tenth of it. `--only TEXT` plays what has the text in its name, and
`--without GUARD` what has to see that a guard is missing. It leaves with 1 where it finds a fault.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.hostile.campaign import campaign, listed, without
from tests.hostile.guards import GUARDS


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--without", choices=GUARDS, help="the guard to take out")
    parser.add_argument("--only", default="", help="combinations with this in their name")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="say what would be played")
    options = parser.parse_args(arguments)
    if options.without:
        return min(1, without(GUARDS[options.without]))
    share = float(os.environ.get("SHARE", "1"))
    if options.list:
        listed(share, options.seed, options.only)
        return 0
    return min(1, campaign(share, options.seed, options.only))


if __name__ == "__main__":
    sys.exit(main())
