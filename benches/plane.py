"""Whole information planes, Narrows against the computation of a study: the time is that of the whole process.

A new one is a script in `peers/` and one entry in WORKS.
"""

import csv
import math
import os
import shlex
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measuring import HERE, append, machine, measure, record


def our_plane(folder):
    """The values of a run's plane.csv in bits, by (epoch, layer from 0, estimator, quantity)."""
    values = {}
    with open(folder / "plane.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["value"]:
                bits = float(row["value"]) / (math.log(2) if row["unit"] == "nats" else 1)
                layer = int(row["layer_index"]) - 1
                values[int(row["epoch"]), layer, row["estimator"], row["quantity"]] = bits
    return values


def their_plane(folder):
    """The same from the table that peers/plane12.py writes."""
    ours = {"binning width 0.07": "binning", "kde-upper": "kde", "kde-lower": "kde-lower"}
    with open(folder / "plane.csv", newline="") as file:
        return {
            (int(row["epoch"]), int(row["layer_index"]), ours[row["estimator"]], row["quantity"]): float(row["bits"])
            for row in csv.DictReader(file)
        }


@dataclass
class Work:
    peer: str
    files: dict[str, str]  # input files by name, where `prepare` puts them under --data
    prepare: str  # the command that makes them
    ours: str  # arguments of narrows; {out} is an empty folder, {name} a file of `files`
    theirs: str  # script in peers/ and its arguments
    our_values: Callable[[Path], dict]
    their_values: Callable[[Path], dict]
    tolerance: float  # bits by which the sides may differ and still have done the same work


WORKS = {
    "plane12": Work(
        peer="torch, numpy (ibsgd computation)",
        files={
            "checkpoints": "plane12/epoch_*.safetensors",
            "arch": "plane12/architecture.json",
            "inputs": "plane12/inputs.csv",
        },
        prepare="python3 benches/peers/plane12_data.py",
        ours="plane --checkpoints {checkpoints} --arch {arch} --inputs {inputs} --label-column label"
        " --estimator binning:width=0.07 --estimator kde:variance=1e-3 --estimator kde-lower:variance=1e-3"
        " --out {out} --force --quiet",
        theirs="plane12.py --checkpoints {checkpoints} --inputs {inputs} --out {out}/plane.csv --threads {threads}",
        our_values=our_plane,
        their_values=their_plane,
        tolerance=1e-3,
    ),
}


def input_files(work, args):
    files = {name: str(args.data / path) for name, path in work.files.items()}
    for item in args.file:
        name, equals, path = item.partition("=")
        if name not in files or not equals:
            sys.exit(f"--file {item}: expected NAME=PATH with NAME one of {', '.join(files)}")
        files[name] = path
    for name, path in files.items():
        path = Path(path)
        if not any(path.parent.glob(path.name)):
            sys.exit(f"no {name} at {path}: run `{work.prepare}`, or give --file {name}=PATH")
    return files


def command(template, values):
    return [part.format_map(values) for part in shlex.split(template)]


def largest_difference(ours, theirs):
    """Over the values that the peer computes; Narrows may have more (H_T), never fewer."""
    missing = theirs.keys() - ours.keys()
    if missing:
        sys.exit(f"{len(missing)} of the peer's {len(theirs)} values are not among ours, first {min(missing)}")
    worst = max(theirs, key=lambda key: abs(ours[key] - theirs[key]))
    return abs(ours[worst] - theirs[worst]), worst


def run(name, args, narrows):
    """Compares one work and records it; ends the program when the sides differ."""
    work = WORKS[name]
    files = input_files(work, args)
    with tempfile.TemporaryDirectory(prefix="narrows-compare-") as scratch:
        sides = {side: Path(scratch, side) for side in ("ours", "theirs")}
        for folder in sides.values():
            folder.mkdir()
        threads = args.threads or os.cpu_count()
        ours = [str(narrows), *command(work.ours, {**files, "out": sides["ours"]})]
        if args.threads:
            ours += ["--threads", str(args.threads)]
        theirs = command(work.theirs, {**files, "out": sides["theirs"], "threads": threads})
        theirs = [sys.executable, str(HERE / "peers" / theirs[0]), *theirs[1:]]

        print(f"{name}: narrows against {work.peer}, {machine(args.threads)}")
        print(f"{'round':>5}  {'ours':>9}  {'theirs':>9}  {'theirs/ours':>11}  {'ours MB':>8}  {'theirs MB':>9}")
        rounds = []
        for number in range(1, args.rounds + 1):
            a = measure(ours, Path(scratch, "ours.log"))
            b = measure(theirs, Path(scratch, "theirs.log"))
            rounds.append((a, b))
            print(
                f"{number:>5}  {a.seconds:>7.2f} s  {b.seconds:>7.2f} s  {b.seconds / a.seconds:>11.2f}"
                f"  {a.megabytes:>8.0f}  {b.megabytes:>9.0f}",
                flush=True,
            )
        their_values = work.their_values(sides["theirs"])
        difference, worst = largest_difference(work.our_values(sides["ours"]), their_values)

    ratio = statistics.median(b.seconds / a.seconds for a, b in rounds)
    our_peak = max(a.megabytes for a, _ in rounds)
    their_peak = max(b.megabytes for _, b in rounds)
    print(f"median ratio {ratio:.2f}; peak memory {our_peak:.0f} MB against {their_peak:.0f} MB")
    print(f"largest difference over {len(their_values)} values: {difference:.2e} bits, at {worst}")
    if not difference <= work.tolerance:
        sys.exit(f"more than the {work.tolerance:g} bits allowed: not the same work, so nothing is recorded")

    append(args.results, record(name, work.peer, rounds, difference, args.threads, timed="process"))
