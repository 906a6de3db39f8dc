"""Whether our KSG reads on the same samples what the trees of scikit-learn read, task by task.

    python3 benches/accuracy.py [--suite beyond-normal] [--tasks TEXT,...] [--n 10000] [--narrows PATH]

Draws one sample a task with `narrows bench samples`, estimates on it with `narrows bench accuracy` and with the peers
(`peers/ksg.py`: the formula on scikit-learn's KDTree, and for pairs of single columns mutual_info_regression, which
scales its variables itself), and prints one line a task. Fails when a difference is above --tolerance nats.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import measuring

sys.path.insert(0, str(measuring.HERE / "peers"))

# What of ours to hold against a peer: as it is given, or scaled as it scales.
OURS = {"kdtree": "ksg:k=3,transform=none", "sklearn": "ksg:k=3"}


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="beyond-normal")
    parser.add_argument("--tasks", default="", metavar="TEXT,...", help="only tasks whose name contains this")
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--tolerance", type=float, default=0.02, metavar="NATS")
    parser.add_argument("--narrows", default=None, metavar="PATH")
    args = parser.parse_args()
    import ksg
    import numpy as np

    narrows = args.narrows or str(measuring.release_binary())
    chosen = ["--suite", args.suite, "--n", str(args.n), "--seeds", "1", "--quiet"]
    if args.tasks:
        chosen += ["--tasks", args.tasks]
    with tempfile.TemporaryDirectory() as scratch:
        samples, estimates = Path(scratch) / "samples", Path(scratch) / "estimates"
        subprocess.run([narrows, "bench", "samples", *chosen, "--out", str(samples)], check=True, stdout=subprocess.PIPE)
        ours = [f"--estimator={spec}" for spec in OURS.values()]
        subprocess.run(
            [narrows, "bench", "accuracy", *chosen, *ours, "--out", str(estimates)], check=True, stdout=subprocess.PIPE
        )
        found = {}
        for row in rows(estimates / "accuracy.csv"):
            peer = "kdtree" if "transform=none" in row["parameters"] else "sklearn"
            found[row["task"], peer] = float(row["value"])
        worst = 0.0
        print(f"{'task':34} {'truth':>8} {'peer':8} {'theirs':>9} {'ours':>9} {'difference':>10}   nats")
        for row in rows(samples / "samples.csv"):
            arrays = np.load(samples / row["file"])
            x, y = arrays["x"], arrays["y"]
            peers = ["kdtree"] + (["sklearn"] if x.shape[1] == y.shape[1] == 1 else [])
            for peer in peers:
                np.random.seed(0)
                theirs = ksg.LIBRARIES[peer](x, y, 3, None)
                mine = found[row["task"], peer]
                worst = max(worst, abs(mine - theirs))
                line = f"{row['task']:34} {float(row['truth']):8.4f} {peer:8} {theirs:9.4f} {mine:9.4f}"
                print(f"{line} {mine - theirs:10.1e}", flush=True)
    print(f"largest difference {worst:.1e} nats")
    if worst > args.tolerance:
        sys.exit(f"above {args.tolerance}")


if __name__ == "__main__":
    main()
