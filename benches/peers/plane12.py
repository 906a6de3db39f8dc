"""The information plane of the 12-bit network, as a researcher computes it today with torch and numpy.

For every checkpoint and layer: the pairwise Gaussian-mixture bounds of Kolchinsky and Tracey on the entropy of the
noisy activations (upper by the Kullback-Leibler, lower by the Bhattacharyya distance, variance 1e-3), and the entropy
of the activations in bins of width 0.07; from each, I(X;T) and I(T;Y) in bits.

Written from the formulas. The quantities and their defaults are those of the ibsgd study (Saxe et al. 2018):
float32, one full N x N matrix of distances, class entropies computed afresh on the rows of each class.
"""

import argparse
import csv
import glob
import math
import re
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

VARIANCE = 1e-3
BIN_WIDTH = 0.07
BITS = 1 / math.log(2)


def activations(checkpoint, inputs):
    """Yields (key, activations): every tanh layer, then the softmax output, of a Sequential of Linear and Tanh."""
    weights = load_file(checkpoint)
    linear = sorted(int(name.split(".")[0]) for name in weights if name.endswith(".weight"))
    hidden = inputs
    for index in linear:
        hidden = torch.nn.functional.linear(hidden, weights[f"{index}.weight"], weights[f"{index}.bias"])
        if index == linear[-1]:
            yield "softmax", torch.softmax(hidden, dim=1)
        else:
            hidden = torch.tanh(hidden)
            yield str(index + 1), hidden


def squared_distances(rows):
    norms = (rows * rows).sum(dim=1)
    return torch.addmm(norms[:, None] + norms[None, :], rows, rows.T, alpha=-2).clamp_(min=0)


def mixture_entropies(rows):
    """The upper and the lower bound, in nats, on the entropy of `rows` plus Gaussian noise."""
    count, dimension = rows.shape
    distances = squared_distances(rows)

    def bound(variance):
        log_density = torch.logsumexp(distances / (-2 * variance), dim=1).mean().item()
        normaliser = math.log(count) + dimension / 2 * math.log(2 * math.pi * variance)
        return dimension / 2 - log_density + normaliser

    return bound(VARIANCE), bound(4 * VARIANCE) + dimension / 2 * math.log(1 / 4)


def binned_entropy(bins):
    """The plug-in entropy, in nats, of rows of bin numbers, each row one symbol."""
    symbols = np.ascontiguousarray(bins).view(np.dtype((np.void, bins.dtype.itemsize * bins.shape[1])))
    _, counts = np.unique(symbols, return_counts=True)
    shares = counts / counts.sum()
    return -(shares * np.log(shares)).sum()


def plane(layer, classes):
    """Yields (estimator, quantity, nats) for one layer. `classes` holds (share, mask) of each label."""
    dimension = layer.shape[1]
    noise = dimension / 2 * (math.log(2 * math.pi * VARIANCE) + 1)
    whole = mixture_entropies(layer)
    within = [(share, mixture_entropies(layer[mask])) for share, mask in classes]
    for which, estimator in enumerate(["kde-upper", "kde-lower"]):
        yield estimator, "I_XT", whole[which] - noise
        yield estimator, "I_TY", whole[which] - sum(share * bounds[which] for share, bounds in within)

    bins = np.floor(layer.numpy() / BIN_WIDTH).astype(np.int32)
    entropy = binned_entropy(bins)
    estimator = f"binning width {BIN_WIDTH}"
    yield estimator, "I_XT", entropy
    yield estimator, "I_TY", entropy - sum(share * binned_entropy(bins[mask.numpy()]) for share, mask in classes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoints", required=True, metavar="GLOB", help="safetensors named *_EPOCH.safetensors")
    parser.add_argument("--inputs", required=True, metavar="CSV", help="input columns, then a column `label`")
    parser.add_argument("--out", required=True, metavar="CSV")
    parser.add_argument("--threads", type=int, metavar="N", help="torch's threads (default: torch's choice)")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    started = time.perf_counter()

    checkpoints = sorted(glob.glob(args.checkpoints))
    if not checkpoints:
        sys.exit(f"no checkpoint matches {args.checkpoints}")
    table = np.loadtxt(args.inputs, delimiter=",", skiprows=1, dtype=np.float32)
    inputs, labels = torch.from_numpy(table[:, :-1].copy()), torch.from_numpy(table[:, -1].copy())
    masks = [labels == label for label in labels.unique()]
    classes = [(mask.float().mean().item(), mask) for mask in masks]

    with open(args.out, "w", newline="") as file, torch.no_grad():
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["epoch", "layer_index", "key", "width", "estimator", "quantity", "bits"])
        for checkpoint in checkpoints:
            epoch = int(re.search(r"(\d+)$", Path(checkpoint).stem).group())
            for index, (key, layer) in enumerate(activations(checkpoint, inputs)):
                for estimator, quantity, nats in plane(layer, classes):
                    rows.writerow([epoch, index, key, layer.shape[1], estimator, quantity, f"{nats * BITS:.6f}"])

    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(checkpoints)} checkpoints, {torch.get_num_threads()} threads: {seconds:.2f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
