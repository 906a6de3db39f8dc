#!/usr/bin/env python3
"""Trains the same networks on both CPU devices, in turn, and prints how much longer ndarray takes than flex.

    python3 benches/devices.py

The default device of Narrows is the one that wins here. Appends a row a network to results.csv, with flex as ours.
"""

import argparse
import random
import struct
import sys
import tempfile
from pathlib import Path

import measuring

TWELVE_BIT = """
data.inputs = "twelve-bit"
network = { hidden = [10, 7, 5, 4, 3], activation = "tanh" }
training = { epochs = 400, batch_size = 256, checkpoints = [], engine = "burn" }
"""

# Random images of MNIST's shape: the arithmetic is the same, and nothing has to be fetched.
IMAGES = """
data = { inputs = "@/images", labels = "@/labels", train_share = 0.9 }
network = { hidden = [256, 128], activation = "relu" }
training = { epochs = 8, batch_size = 128, checkpoints = [], engine = "burn" }
"""


def write_images(folder, count=4096):
    rng = random.Random(0)
    images = struct.pack(">HBBIII", 0, 8, 3, count, 28, 28) + rng.randbytes(count * 784)
    labels = struct.pack(">HBBI", 0, 8, 1, count) + bytes(rng.randrange(10) for _ in range(count))
    (folder / "images").write_bytes(images)
    (folder / "labels").write_bytes(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each device (default 3)")
    parser.add_argument("--narrows", type=Path, metavar="PATH", help="binary (default: target/release/narrows)")
    parser.add_argument("--results", type=Path, default=measuring.RESULTS, metavar="CSV")
    args = parser.parse_args()
    narrows = args.narrows or measuring.release_binary()
    with tempfile.TemporaryDirectory(prefix="narrows-devices-") as name:
        folder = Path(name)
        write_images(folder)
        for work, config in [("train-12-10-7-5-4-3-2", TWELVE_BIT), ("train-784-256-128-10", IMAGES)]:
            (folder / "config.toml").write_text(config.replace("@", str(folder)))
            rounds = []
            for _ in range(args.rounds):
                pair = []
                for device in ("flex", "ndarray"):
                    out = folder / device
                    command = [narrows, "train", folder / "config.toml", "--device", device, "--out", out, "--force", "--quiet"]
                    pair.append(measuring.measure([str(part) for part in command], folder / "log"))
                rounds.append(pair)
            row = measuring.record(work, "burn-ndarray (ours: burn-flex)", rounds, None, None, timed="process")
            print(f"{work}: flex {row['ours_s']} s, ndarray {row['theirs_s']} s, ratio {row['ratio']}", flush=True)
            measuring.append(args.results, row)


if __name__ == "__main__":
    sys.exit(main())
