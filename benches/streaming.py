#!/usr/bin/env python3
"""Runs the same estimates of a large pair of arrays streamed and in memory, in turn.

    python3 benches/streaming.py

Draws a million rows of 64 + 64 normal columns of known mutual information into a temporary folder (512 MB; it needs
numpy), and prints for each estimator the peak memory and the seconds of the whole process, and whether the two answers
are equal in every digit. Fails when they are not.
"""

import argparse
import json
import math
import os
import sys
import tempfile
from pathlib import Path

import measuring


def run(command, folder):
    spent = measuring.measure([str(part) for part in command], folder / "log", folder / "answer")
    answer = json.loads((folder / "answer").read_text())
    # What depends on the clock, or says how it was read.
    return spent, {key: value for key, value in answer.items() if key not in ("seconds", "streamed")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--rho", type=float, default=0.5, help="correlation of each pair of columns (default 0.5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: all cores")
    parser.add_argument("--narrows", type=Path, metavar="PATH", help="binary (default: target/release/narrows)")
    parser.add_argument("--python", default=sys.executable, help="a Python with numpy (default: this one)")
    parser.add_argument("--folder", type=Path, help="for the data (default: the system's temporary folder)")
    args = parser.parse_args()
    narrows = args.narrows or measuring.release_binary()
    every = f"1-{args.columns}"
    works = [
        ("gaussian", every, every),
        ("gaussian:shrinkage=ledoit-wolf", every, every),
        ("pca:components=4/gaussian", every, every),
        ("hsic:kernel=linear,normalised=yes", every, every),
        ("binning:bins=30", "1-2", "1-2"),
    ]
    with tempfile.TemporaryDirectory(prefix="narrows-streaming-", dir=args.folder) as name:
        folder = Path(name)
        maker = measuring.HERE / "peers" / "streaming_data.py"
        drawn = [args.python, maker, folder, args.rows, args.columns, args.rho, args.seed]
        measuring.measure([str(part) for part in drawn], folder / "log")
        size = (folder / "x.npy").stat().st_size / 1e6
        print(f"{args.rows} rows x {args.columns} + {args.columns} columns of 32 bits, {size:.0f} MB each file")
        per_column = -0.5 * math.log2(1 - args.rho**2)
        print(f"truth: {args.columns * per_column:.4f} bits of all columns, {2 * per_column:.4f} of two")
        print(f"{'estimator':36}{'value':>12}{'in memory':>22}{'streamed':>22}  equal")
        unequal = []
        for spec, of_x, of_y in works:
            common = [narrows, "mi", "--x", f"{folder}/x.npy:{of_x}", "--y", f"{folder}/y.npy:{of_y}"]
            common += ["--estimator", spec, "--threads", args.threads, "--json"]
            if of_x == every:
                common[3], common[5] = folder / "x.npy", folder / "y.npy"
            (whole, in_memory), (parts, streamed) = run([*common, "--in-memory"], folder), run([*common, "--stream"], folder)
            equal = in_memory == streamed
            unequal += [] if equal else [(spec, in_memory, streamed)]
            told = [f"{m.megabytes:9.0f} MB {m.seconds:6.2f} s" for m in (whole, parts)]
            print(f"{spec:36}{streamed['value']:12.6f}{told[0]:>22}{told[1]:>22}  {'yes' if equal else 'NO'}")
        for spec, in_memory, streamed in unequal:
            print(f"{spec}\n  in memory {in_memory}\n  streamed  {streamed}", file=sys.stderr)
        return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
