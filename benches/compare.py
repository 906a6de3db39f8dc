#!/usr/bin/env python3
"""Runs the same work with Narrows and with its peers, in turn, and compares time, memory and values.

    python3 benches/compare.py plane12      an information plane: the whole process is timed
    python3 benches/compare.py speed        the speed table: the estimate alone is timed
    python3 benches/compare.py kde-1024     one work of the speed table

Each side is a child process; its memory is the largest resident set that the kernel saw. The rounds are interleaved
(ours, theirs, ours, theirs, ...), so that a slow spell of the machine falls on both. Works are listed in plane.py and
in speed.py.
"""

import argparse
import sys
from pathlib import Path

import plane
import speed
from measuring import HERE, RESULTS, release_binary


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    works = [*plane.WORKS, "speed", *speed.WORKS]
    parser.add_argument("work", choices=works, metavar="WORK", help=", ".join(works))
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--threads", type=int, help="threads of each side (default: every core)")
    parser.add_argument("--narrows", type=Path, metavar="PATH", help="binary (default: target/release/narrows)")
    parser.add_argument("--data", type=Path, default=HERE / "data", metavar="DIR", help="default: benches/data")
    parser.add_argument(
        "--file", action="append", default=[], metavar="NAME=PATH",
        help="take one input of a plane from elsewhere, as in --file checkpoints='runs/a/epoch_*.safetensors'",
    )  # fmt: skip
    parser.add_argument("--peers-only", action="store_true", help="of the speed table: only theirs, nothing recorded")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="CSV", help="default: benches/results.csv")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    if args.work in plane.WORKS and args.peers_only:
        parser.error("--peers-only is for the works of the speed table")
    if args.work not in plane.WORKS and args.file:
        parser.error("--file is for the inputs of a plane")
    return parser, args


def main():
    parser, args = arguments()
    narrows = None
    if not args.peers_only:
        narrows = args.narrows or release_binary()
        if not narrows.exists():
            parser.error(f"no binary at {narrows}: run `cargo build --release`, or give --narrows PATH")
    if args.work in plane.WORKS:
        plane.run(args.work, args, narrows)
        return
    works = speed.WORKS if args.work == "speed" else [args.work]
    problems = [problem for work in works for problem in speed.run(work, args, narrows)]
    if problems:
        sys.exit("\nnot recorded:\n" + "\n".join(problems))


if __name__ == "__main__":
    main()
