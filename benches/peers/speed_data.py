"""Makes the data of the speed table: float64 or float32 arrays as .npy, from fixed seeds.

    python3 benches/peers/speed_data.py

Writes one folder a data set to `speed/` under --out. `--seed` draws other data of the same kind.
"""

import argparse
from pathlib import Path

import numpy as np

CORRELATION = 0.75


def correlated(rng, count, dimension):
    """Pairs of normal variables, correlated coordinate by coordinate: I = -dimension/2 log(1 - rho^2) nats.

    Every column is brought to mean 0 and variance 1, so that peers that standardise first measure the same points.
    """
    x = rng.standard_normal((count, dimension))
    y = CORRELATION * x + np.sqrt(1 - CORRELATION**2) * rng.standard_normal((count, dimension))
    return {name: (v - v.mean(axis=0)) / v.std(axis=0) for name, v in (("x", x), ("y", y))}


def layer(rng, inputs, width, scale):
    """The tanh activations of a random layer; `scale` is the size of the sum of a unit's squared weights."""
    weights = rng.standard_normal((inputs.shape[1], width)) * np.sqrt(scale / inputs.shape[1])
    return np.tanh(inputs @ weights)


def activations(rng, count, width, scale):
    """Activations on inputs with four factors, drawn with replacement from a pool: some rows occur more than once."""
    pool = rng.standard_normal((4096, 4))
    return {"x": layer(rng, pool[rng.integers(len(pool), size=count)], width, scale).astype(np.float32)}


def dependent(rng, count, width):
    """Inputs with four factors and the noisy activations of a layer on them; distances of the order of 1."""
    x = layer(rng, rng.standard_normal((count, 4)), width, 2 / width)
    y = layer(rng, x, width, 1) + 0.05 * rng.standard_normal((count, width))
    return {"x": x.astype(np.float32), "y": y.astype(np.float32)}


DATA = {
    "normal-1x1-100k": lambda rng: correlated(rng, 100_000, 1),
    "normal-3x3-10k": lambda rng: correlated(rng, 10_000, 3),
    "normal-10x10-10k": lambda rng: correlated(rng, 10_000, 10),
    "layer-10": lambda rng: activations(rng, 10_000, 10, 0.4),
    "layer-1024": lambda rng: activations(rng, 10_000, 1024, 0.004),
    "wide-1024": lambda rng: activations(rng, 10_000, 1024, 4.0),
    "dependent-5000x64": lambda rng: dependent(rng, 5000, 64),
    "dependent-2000x64": lambda rng: dependent(rng, 2000, 64),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"data sets (default: all): {', '.join(DATA)}")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "data", metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    for name in args.names or DATA:
        if name not in DATA:
            parser.error(f"{name}: not among {', '.join(DATA)}")
        folder = args.out / "speed" / name
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([args.seed, list(DATA).index(name)])
        for side, array in DATA[name](rng).items():
            np.save(folder / f"{side}.npy", np.ascontiguousarray(array))
            print(f"{folder / side}.npy: {array.shape[0]} x {array.shape[1]}, {array.dtype}")


if __name__ == "__main__":
    main()
