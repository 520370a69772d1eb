"""`make simulate`: many schedules of a small world, each made by its seed, until one fails.

`SHARE=0.01` plays a hundredth. It leaves with 1 where a schedule breaks a promise: that is shrunk
and printed, and `--seed N --schedules 1` plays it again. `--guards` switches off one guard after
the other, and leaves with 1 where one is not missed.
"""

import argparse
import sys

from tests.simulation.guards import guards


def main() -> int:
    parser = argparse.ArgumentParser("make simulate", description=__doc__.partition("\n")[0])
    parser.add_argument("--schedules", type=int, help="how many; 100,000, times SHARE")
    parser.add_argument("--seed", type=int, default=1, help="of the first; each has the next one")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), help="all on this one")
    parser.add_argument("--jobs", type=int, help="processes at once; as many as cores")
    parser.add_argument("--without", choices=guards(), metavar="GUARD", help="switch a guard off")
    parser.add_argument("--guards", action="store_true", help="switch off one after the other")
    chosen = parser.parse_args()
    if chosen.without is not None:
        guards()[chosen.without].switch_off()
    from tests.simulation import campaign  # after that, for it loads the code

    if chosen.guards:
        return campaign.miss_each(chosen.schedules, chosen.seed)
    return campaign.run(
        schedules=chosen.schedules,
        seed=chosen.seed,
        store=chosen.store,
        jobs=chosen.jobs,
        is_to_fail=chosen.without is not None,
    )


if __name__ == "__main__":
    sys.exit(main())
