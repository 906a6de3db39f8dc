"""Runs children, measures their time and memory, and keeps results.csv."""

import csv
import datetime
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# Only the standard library: a child's peak memory starts at what this process holds when it forks.

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.csv"
COLUMNS = [
    "date", "work", "peer", "ours_s", "theirs_s", "ratio", "ours_mb", "theirs_mb",
    "max_abs_difference_bits", "rounds", "machine", "timed",
]  # fmt: skip


@dataclass
class Measurement:
    seconds: float
    megabytes: float


class ChildFailed(SystemExit):
    """A child ended with an error. Nobody need catch it: it ends the program with the child's last lines."""


def measure(command, log, output=None):
    """Runs `command` to its end; what it prints goes to the file `log`, or its standard output alone to `output`."""
    with open(log, "wb") as errors, open(output or os.devnull, "wb") as answers:
        started = time.perf_counter()
        stdout = answers if output else errors
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=errors)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        said = log.read_text(errors="replace") or (output.read_text(errors="replace") if output else "")
        tail = "\n".join(said.splitlines()[-20:])
        raise ChildFailed(f"exit code {child.returncode} from\n  {shlex.join(command)}\n{tail}")
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


def record(work, peer, rounds, difference, threads, timed):
    """One row of results.csv from the rounds, pairs of measurements (ours, theirs).

    `timed` says what the seconds are of: the whole `process`, or the `call` alone.
    """
    ours, theirs = zip(*rounds, strict=True)
    return {
        "date": datetime.date.today().isoformat(),
        "work": work,
        "peer": peer,
        "ours_s": f"{statistics.median(a.seconds for a in ours):.4g}",
        "theirs_s": f"{statistics.median(b.seconds for b in theirs):.4g}",
        "ratio": f"{statistics.median(b.seconds / a.seconds for a, b in rounds):.2f}",
        "ours_mb": f"{max(a.megabytes for a in ours):.1f}",
        "theirs_mb": f"{max(b.megabytes for b in theirs):.1f}",
        "max_abs_difference_bits": "" if difference is None else f"{difference:.3e}",
        "rounds": len(rounds),
        "machine": machine(threads),
        "timed": timed,
    }


def append(path, row):
    fresh = not path.exists()
    with open(path, "a", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if fresh:
            rows.writeheader()
        rows.writerow(row)
