#!/usr/bin/env python3
"""Runs the same gradient inference of an energy-based bottleneck in Narrows and in torch, in turn.

    python3 benches/energy.py

Fits a model to drawn birds, then descends from zero on fresh ones: both sides read the saved model, take the same number
of Adam steps for every sample, and stop none early. Prints samples a second, the ratio ours/theirs and the largest
difference of the energies at which samples end, with torch in single precision (which is timed) and in double (as ours
is, for the difference). Appends a row to results.csv.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import measuring


def run(command, folder):
    spent = measuring.measure([str(part) for part in command], folder / "log", folder / "answer")
    answer = json.loads((folder / "answer").read_text())
    return measuring.Measurement(answer["seconds"], spent.megabytes), answer["energies"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="samples to infer (default 1000)")
    parser.add_argument("--steps", type=int, default=100, help="steps of each (default 100)")
    parser.add_argument("--width", type=int, default=128, help="of the model (default 128)")
    parser.add_argument("--partition", choices=["joint", "class"], default="joint")
    parser.add_argument("--batch", type=int, default=64, help="samples a batch of torch (default 64)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of both sides (default: all cores)")
    parser.add_argument("--narrows", type=Path, metavar="PATH", help="binary (default: target/release/narrows)")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, metavar="CSV")
    args = parser.parse_args()
    narrows = args.narrows or measuring.release_binary()
    with tempfile.TemporaryDirectory(prefix="narrows-energy-") as name:
        folder = Path(name)
        settings = [
            f"width={args.width}", f"partition={args.partition}", "epochs=10", "global-weight=0.3",
            f"inference-steps={args.steps}", f"inference-patience={args.steps + 2}",
        ]  # fmt: skip
        builder = "energy:" + ",".join(settings)
        birds = f"birds:samples={args.samples},correlation=1"
        for command in (
            [narrows, "concept", "fit", "--builder", builder, "--data", f"{birds},seed=1", "--out", folder / "fit"],
            [narrows, "concept", "data", f"{birds},seed=2", "--out", folder / "birds"],
        ):
            measuring.measure([str(part) for part in command], folder / "log")
        x = folder / "birds" / "embeddings.npy"
        mine = [narrows, "bench", "energy", folder / "fit", "--embeddings", x, "--threads", args.threads, "--json"]
        other = [sys.executable, measuring.HERE / "peers" / "energy.py", folder / "fit", x, args.threads, args.batch]
        ours = run(mine, folder)[1]
        worst = {}
        for precision in ("float32", "float64"):
            theirs = run([*other, precision], folder)[1]
            worst[precision] = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        rounds = [(run(mine, folder)[0], run([*other, "float32"], folder)[0]) for _ in range(args.rounds)]
        work = f"energy-{args.partition}-{args.width}-steps-{args.steps}"
        row = measuring.record(work, "torch", rounds, None, args.threads, timed="call")
        rates = [args.samples / float(row[key]) for key in ("ours_s", "theirs_s")]
        print(
            f"{work}: ours {rates[0]:.0f} samples/s, theirs {rates[1]:.0f}, ratio {row['ratio']}; energies differ by at most"
            f" {worst['float32']:.1e} from single and {worst['float64']:.1e} from double precision"
        )
        measuring.append(args.results, row)


if __name__ == "__main__":
    sys.exit(main())
