"""What the peers of the speed table share: their common options, their clock and the line that they print."""

import argparse
import json
import os
import time

BUDGET = 5.0  # seconds after which a call is not repeated once more


def parser(description):
    """A parser with the options that every peer has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="timed calls after the warm-up (default 3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N", help="default: every core")
    return parser


def report(call, unit, args):
    """Times `call` and prints {"seconds", "value", "unit", "repeats"} as one line of JSON.

    The first call is a warm-up that is not counted (it pays for lazy imports, compilation and pages of memory);
    `seconds` is the best of those after it. Once BUDGET is spent, a call is not repeated.
    """
    call()
    seconds = []
    while not seconds or (len(seconds) < args.repeats and sum(seconds) < BUDGET):
        started = time.perf_counter()
        value = call()
        seconds.append(time.perf_counter() - started)
    line = {"seconds": min(seconds), "value": float(value), "unit": unit, "repeats": len(seconds)}
    print(json.dumps(line), flush=True)
