#!/usr/bin/env python3
"""Trains the same TopK dictionary in Narrows and in torch, in turn, and prints samples a second and the ratio ours/theirs.

    cargo build --release -p narrows-dictionaries --example throughput
    python3 benches/sae.py

Both begin with the same weights and see the same batches; before anything is timed, the errors of the first steps must
agree to five digits. Without the auxiliary loss on both sides. Times are of the loops alone; appends a row a size to
results.csv.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import measuring

# Inputs, features, batch, steps.
SIZES = [(512, 4096, 512, 20), (384, 3072, 512, 20)]
K, RATE = 32, 0.001
DIGITS = 1e-5


def run(command, folder):
    spent = measuring.measure([str(part) for part in command], folder / "log", folder / "answer")
    answer = json.loads((folder / "answer").read_text())
    return measuring.Measurement(answer["seconds"], spent.megabytes), answer["mse"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of both sides (default: all cores)")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, metavar="CSV")
    args = parser.parse_args()
    ours = measuring.release_binary().parent / "examples" / "throughput"
    os.environ["RAYON_NUM_THREADS"] = str(args.threads)
    theirs = [sys.executable, measuring.HERE / "peers" / "sae.py"]
    for inputs, width, batch, steps in SIZES:
        with tempfile.TemporaryDirectory(prefix="narrows-sae-") as name:
            folder = Path(name)
            mine = [ours, f"topk:k={K},auxiliary=0,learning-rate={RATE}", inputs, width, batch, steps]
            other = [*theirs, inputs, width, batch, steps, args.threads, K, RATE, folder]
            _, expected = run([*mine, folder], folder)
            _, found = run(other, folder)
            worst = max(abs(a / b - 1) for a, b in zip(expected[:5], found[:5], strict=True))
            if worst > DIGITS:
                raise SystemExit(f"the errors of the first steps differ by {worst:.1e} of themselves: not the same training")
            rounds = [(run(mine, folder)[0], run(other, folder)[0]) for _ in range(args.rounds)]
            work = f"sae-topk-{inputs}-{width}-batch-{batch}"
            row = measuring.record(work, "torch (dense step)", rounds, None, args.threads, timed="call")
            rates = [steps * batch / float(row[key]) for key in ("ours_s", "theirs_s")]
            print(
                f"{work}: ours {rates[0]:.0f} samples/s, theirs {rates[1]:.0f}, ratio {row['ratio']}, "
                f"{row['ours_mb']} and {row['theirs_mb']} MB; first errors agree to {worst:.0e}",
                flush=True,
            )
            measuring.append(args.results, row)


if __name__ == "__main__":
    sys.exit(main())
