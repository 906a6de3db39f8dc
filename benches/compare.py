#!/usr/bin/env python3
"""Runs the same work with Narrows and with a peer, in turn, and compares time, memory and values.

    python3 benches/compare.py plane12

Each side is a child process: its wall time runs from start to exit, its memory is the largest resident set that the
kernel saw. The rounds are interleaved (ours, theirs, ours, theirs, ...), so that a slow spell of the machine falls on
both. A new work is one file in `peers/` and one entry in WORKS.
"""

import argparse
import csv
import datetime
import json
import math
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Only the standard library: a child's peak memory starts at what this process holds when it forks.

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.csv"
COLUMNS = [
    "date", "work", "peer", "ours_s", "theirs_s", "ratio", "ours_mb", "theirs_mb",
    "max_abs_difference_bits", "rounds", "machine",
]  # fmt: skip


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


@dataclass
class Measurement:
    seconds: float
    megabytes: float


def measure(command, log):
    """Runs `command` to its end, its output in the file `log`."""
    with open(log, "wb") as output:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
        sys.exit(f"exit code {child.returncode} from\n  {shlex.join(command)}\n{tail}")
    per_megabyte = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Measurement(seconds, usage.ru_maxrss / per_megabyte)


def release_binary():
    """target/release/narrows, in the target folder that cargo uses for this repository."""
    target = os.environ.get("CARGO_TARGET_DIR")
    if target is None:
        metadata = subprocess.run(
            ["cargo", "metadata", "--format-version", "1", "--no-deps"],
            cwd=HERE.parent, check=True, stdout=subprocess.PIPE,
        )  # fmt: skip
        target = json.loads(metadata.stdout)["target_directory"]
    return HERE.parent / target / "release" / ("narrows.exe" if os.name == "nt" else "narrows")


def machine(threads):
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    cores = os.cpu_count()
    return f"{cores} x {model}" + ("" if threads in (None, cores) else f" ({threads} threads)")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", choices=WORKS)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--threads", type=int, help="threads of each side (default: every core)")
    parser.add_argument("--narrows", type=Path, metavar="PATH", help="binary (default: target/release/narrows)")
    parser.add_argument("--data", type=Path, default=HERE / "data", metavar="DIR", help="default: benches/data")
    parser.add_argument(
        "--file", action="append", default=[], metavar="NAME=PATH",
        help="take one input from elsewhere, as in --file checkpoints='runs/a/epoch_*.safetensors'",
    )  # fmt: skip
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="CSV", help="default: benches/results.csv")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return parser, args


def input_files(work, args, parser):
    files = {name: str(args.data / path) for name, path in work.files.items()}
    for item in args.file:
        name, equals, path = item.partition("=")
        if name not in files or not equals:
            parser.error(f"--file {item}: expected NAME=PATH with NAME one of {', '.join(files)}")
        files[name] = path
    for name, path in files.items():
        path = Path(path)
        if not any(path.parent.glob(path.name)):
            parser.error(f"no {name} at {path}: run `{work.prepare}`, or give --file {name}=PATH")
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


def append(path, row):
    fresh = not path.exists()
    with open(path, "a", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            rows.writeheader()
        rows.writerow(row)


def main():
    parser, args = arguments()
    work = WORKS[args.work]
    files = input_files(work, args, parser)
    narrows = args.narrows or release_binary()
    if not narrows.exists():
        parser.error(f"no binary at {narrows}: run `cargo build --release`, or give --narrows PATH")

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

        print(f"{args.work}: narrows against {work.peer}, {machine(args.threads)}")
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
    our_seconds = statistics.median(a.seconds for a, _ in rounds)
    their_seconds = statistics.median(b.seconds for _, b in rounds)
    our_peak = max(a.megabytes for a, _ in rounds)
    their_peak = max(b.megabytes for _, b in rounds)
    print(f"median ratio {ratio:.2f}; peak memory {our_peak:.0f} MB against {their_peak:.0f} MB")
    print(f"largest difference over {len(their_values)} values: {difference:.2e} bits, at {worst}")
    if not difference <= work.tolerance:
        sys.exit(f"more than the {work.tolerance:g} bits allowed: not the same work, so nothing is recorded")

    append(args.results, {
        "date": datetime.date.today().isoformat(),
        "work": args.work,
        "peer": work.peer,
        "ours_s": f"{our_seconds:.3f}",
        "theirs_s": f"{their_seconds:.3f}",
        "ratio": f"{ratio:.2f}",
        "ours_mb": f"{our_peak:.1f}",
        "theirs_mb": f"{their_peak:.1f}",
        "max_abs_difference_bits": f"{difference:.3e}",
        "rounds": args.rounds,
        "machine": machine(args.threads),
    })  # fmt: skip


if __name__ == "__main__":
    main()
