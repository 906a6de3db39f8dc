"""The speed table: one estimate at a time, Narrows against the packages that would be used otherwise.

    python3 benches/compare.py speed            every work
    python3 benches/compare.py ksg-3x3-10k      one of them

Both sides are child processes, in turn (ours, then each peer, round after round), but what is compared is the estimate
alone: each side says on its standard output, as JSON, how many `seconds` it took, its `value` and its `unit`. Starting
Python and importing torch is counted on neither side. Peak memory is that of the whole process.
"""

import json
import math
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measuring import HERE, ChildFailed, Measurement, append, machine, measure, record

DATA_SCRIPT = HERE / "peers" / "speed_data.py"


@dataclass
class Work:
    data: str  # folder under data/speed; {x} and {y} are its arrays
    ours: str  # arguments of narrows
    peers: dict[str, str]  # name of the peer: its script in peers/ and the arguments
    tolerance: float = 1e-3  # bits by which the sides may differ and still have done the same work
    natural: bool = False  # ours is a score in natural logarithms, theirs in bits


XY = "--x {x} --y {y}"
CRITIC = "--hidden 16 8 --batch 128 --steps 1000 --rate 0.01"
OUR_CRITIC = "hidden=16x8,batch=128,steps=1000,rate=0.01"

# One entry a work. A trained critic is compared by what it arrives at, hence the tolerance of 0.15 bits.
WORKS = {
    "ksg-1x1-100k": Work(
        data="normal-1x1-100k",
        ours=f"mi {XY} --estimator ksg:k=3 --json",
        peers={
            "scikit-learn mutual_info_regression": f"ksg.py --library sklearn {XY}",
            "scikit-learn KDTree": f"ksg.py --library kdtree {XY}",
            "scipy KDTree": f"ksg.py --library scipy {XY}",
            "ennemi": f"ksg.py --library ennemi {XY}",
        },
    ),
    "ksg-3x3-10k": Work(
        data="normal-3x3-10k",
        ours=f"mi {XY} --estimator ksg:k=3 --json",
        peers={
            "scikit-learn KDTree": f"ksg.py --library kdtree {XY}",
            "scipy KDTree": f"ksg.py --library scipy {XY}",
            "npeet-plus": f"ksg.py --library npeet-plus {XY}",
            "infomeasure": f"ksg.py --library infomeasure {XY}",
        },
    ),
    "ksg-10x10-10k": Work(
        data="normal-10x10-10k",
        ours=f"mi {XY} --estimator ksg:k=3 --json",
        peers={
            "scikit-learn KDTree": f"ksg.py --library kdtree {XY}",
            "scipy KDTree": f"ksg.py --library scipy {XY}",
            "npeet-plus": f"ksg.py --library npeet-plus {XY}",
            "infomeasure": f"ksg.py --library infomeasure {XY}",
        },
    ),
    "kde-10": Work(
        data="layer-10",
        ours="entropy --x {x} --estimator kde:variance=0.1 --json",
        peers={"torch": "kernels.py kde --variance 0.1 --x {x}"},
    ),
    "kde-1024": Work(
        data="layer-1024",
        ours="entropy --x {x} --estimator kde:variance=0.1 --json",
        peers={"torch": "kernels.py kde --variance 0.1 --x {x}"},
    ),
    "cs-5000x64": Work(
        data="dependent-5000x64",
        ours=f"mi {XY} --estimator cauchy-schwarz:sigma=1 --json",
        peers={"torch": f"kernels.py cauchy-schwarz --sigma 1 {XY}"},
        natural=True,
    ),
    "hsic-5000x64": Work(
        data="dependent-5000x64",
        ours=f"mi {XY} --estimator hsic:sigma=1 --json",
        peers={"torch": f"kernels.py hsic --sigma 1 {XY}"},
        tolerance=1e-4,
    ),
    "renyi-2000": Work(
        data="dependent-2000x64",
        ours=f"mi {XY} --estimator renyi:alpha=1.01,sigma=1,rank=2000 --json",
        peers={"torch": f"kernels.py renyi --alpha 1.01 --sigma 1 {XY}"},
        natural=True,
    ),
    "binned-10k-1024": Work(
        data="wide-1024",
        ours="entropy --x {x} --estimator binning:width=0.5 --json",
        peers={"numpy": "binned.py --width 0.5 --x {x}"},
        tolerance=1e-9,
    ),
    "infonce-10k": Work(
        data="normal-3x3-10k",
        ours=f"mi {XY} --estimator infonce:{OUR_CRITIC} --json",
        peers={"torch": f"critic.py infonce {CRITIC} {XY}"},
        tolerance=0.15,
    ),
    "mine-10k": Work(
        data="normal-3x3-10k",
        ours=f"mi {XY} --estimator mine:{OUR_CRITIC} --json",
        peers={"torch": f"critic.py mine {CRITIC} {XY}"},
        tolerance=0.15,
    ),
}


@dataclass
class Answer:
    seconds: float  # of the estimate alone
    value: float  # in bits where it is an information
    process: Measurement


def answer_of(command, scratch, natural):
    """Runs one side and reads what it printed: a JSON object, alone or on the last line."""
    output = scratch / "answer.json"
    process = measure(command, scratch / "log", output)
    text = output.read_text()
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        answer = json.loads(text.strip().splitlines()[-1])
    bits = answer["value"] / (math.log(2) if natural or answer["unit"] == "nats" else 1)
    return Answer(answer["seconds"], bits, process)


def arrays(work, folder):
    """The data of a work, made on first use."""
    here = folder / "speed" / work.data
    if not (here / "x.npy").exists():
        subprocess.run([sys.executable, str(DATA_SCRIPT), work.data, "--out", str(folder)], check=True)
    return {"x": here / "x.npy", "y": here / "y.npy"}


def commands(work, files, narrows, threads):
    """The command lines: ours under None, the peers' under their names."""

    def filled(template):
        return [part.format_map(files) for part in shlex.split(template)]

    lines = {None: [str(narrows), *filled(work.ours)]} if narrows else {}
    for peer, template in work.peers.items():
        script, *rest = filled(template)
        lines[peer] = [sys.executable, str(HERE / "peers" / script), *rest]
    if threads:
        lines = {side: [*line, "--threads", str(threads)] for side, line in lines.items()}
    return lines


def run(name, args, narrows):
    """Compares one work and records a row for each peer; gives what went wrong, one line each.

    Without `narrows` only the peers run, and nothing is recorded.
    """
    work = WORKS[name]
    lines = commands(work, arrays(work, args.data), narrows, args.threads)
    rounds = {side: [] for side in lines}
    problems = []
    print(f"{name}: {machine(args.threads)}; value in bits, seconds of the call, peak MB of the process", flush=True)
    with tempfile.TemporaryDirectory(prefix="narrows-speed-") as scratch:
        for _ in range(args.rounds):
            for side, line in lines.items():
                if side not in rounds:
                    continue
                try:
                    rounds[side].append(answer_of(line, Path(scratch), work.natural and side is None))
                except (ChildFailed, ValueError, KeyError, IndexError) as error:
                    problems.append(f"{name}, {side or 'narrows'}: {error}")
                    if side is None:
                        return problems
                    del rounds[side]  # a peer that is not installed leaves the others their comparison
    ours = rounds.pop(None, None)
    if ours:
        print(f"  {'narrows':<36}  {best(ours)}")
    for peer, theirs in rounds.items():
        if ours is None:
            print(f"  {peer:<36}  {best(theirs)}")
            continue
        ratio = statistics.median(b.seconds / a.seconds for a, b in zip(ours, theirs, strict=True))
        difference = max(abs(a.value - b.value) for a, b in zip(ours, theirs, strict=True))
        print(f"  {peer:<36}  {best(theirs)}  ratio {ratio:>8.2f}  difference {difference:.2e}")
        if not difference <= work.tolerance:
            problems.append(f"{name}, {peer}: values differ by {difference:.3g}, {work.tolerance:g} allowed")
            continue
        timings = [
            (Measurement(a.seconds, a.process.megabytes), Measurement(b.seconds, b.process.megabytes))
            for a, b in zip(ours, theirs, strict=True)
        ]
        append(args.results, record(name, peer, timings, difference, args.threads, timed="call"))
    return problems


def best(answers):
    seconds = statistics.median(a.seconds for a in answers)
    peak = max(a.process.megabytes for a in answers)
    return f"{answers[-1].value:>12.6f}  {seconds:>9.4f} s  {peak:>7.0f} MB"
