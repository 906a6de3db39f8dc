#!/usr/bin/env python3
"""Trains the same networks in Narrows and in torch, in turn, and prints microseconds a step and the ratio theirs/ours.

    python3 benches/training.py

Ours is the difference of two whole runs, one of many epochs and one of a single epoch, so that start-up and figures are
on neither side; theirs is the loop alone. Appends a row a network and number of torch's threads to results.csv, with
the seconds of one epoch.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import devices
import measuring

# Name, config, torch's sizes, activation, batch and training samples, our epochs, torch's epochs.
NETWORKS = [
    (
        "step-12-10-7-5-4-3-2",
        """
data = { inputs = "twelve-bit", train_share = 0.8 }
network = { hidden = [10, 7, 5, 4, 3], activation = "tanh" }
training = { epochs = EPOCHS, batch_size = 256, checkpoints = [], record = [] }
""",
        "12-10-7-5-4-3-2", "tanh", 256, 3277, 4001, 20,
    ),
    (
        "step-784-256-128-10",
        """
data = { inputs = "FOLDER/images", labels = "FOLDER/labels", train_share = 0.9 }
network = { hidden = [256, 128], activation = "relu" }
training = { epochs = EPOCHS, batch_size = 128, checkpoints = [], record = [] }
""",
        "784-256-128-10", "relu", 128, 3686, 41, 10,
    ),
]  # fmt: skip


def ours(narrows, folder, config, epochs):
    """Measurement of one epoch."""
    runs = []
    for number in (1, epochs):
        text = config.replace("EPOCHS", str(number)).replace("FOLDER", str(folder))
        (folder / "config.toml").write_text(text)
        command = [narrows, "train", folder / "config.toml", "--out", folder / "out", "--force", "--quiet"]
        runs.append(measuring.measure([str(part) for part in command], folder / "log"))
    return measuring.Measurement((runs[1].seconds - runs[0].seconds) / (epochs - 1), runs[1].megabytes)


def theirs(folder, arguments, epochs, threads):
    """Measurement of one epoch, and its steps."""
    script = measuring.HERE / "peers" / "training.py"
    command = [sys.executable, str(script), *map(str, arguments), str(epochs), str(threads)]
    run = measuring.measure(command, folder / "log", folder / "answer")
    answer = json.loads((folder / "answer").read_text())
    return measuring.Measurement(answer["seconds"] / epochs, run.megabytes), answer["steps"] / epochs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--narrows", type=Path, metavar="PATH", help="binary (default: target/release/narrows)")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, metavar="CSV")
    args = parser.parse_args()
    narrows = args.narrows or measuring.release_binary()
    with tempfile.TemporaryDirectory(prefix="narrows-training-") as name:
        folder = Path(name)
        devices.write_images(folder)
        for work, config, *arguments, our_epochs, their_epochs in NETWORKS:
            for threads, peer in [(1, "torch (1 thread)"), (0, "torch (every core)")]:
                rounds, steps = [], 1
                for _ in range(args.rounds):
                    mine = ours(narrows, folder, config, our_epochs)
                    other, steps = theirs(folder, arguments, their_epochs, threads)
                    rounds.append((mine, other))
                row = measuring.record(work, peer, rounds, None, None, timed="call")
                ours_us, theirs_us = (1e6 * float(row[key]) / steps for key in ("ours_s", "theirs_s"))
                print(f"{work}, {peer}: ours {ours_us:.1f} us a step, theirs {theirs_us:.1f}, ratio {row['ratio']}", flush=True)
                measuring.append(args.results, row)


if __name__ == "__main__":
    sys.exit(main())
