"""The entropy of a whole layer in bins: floor(t / width), each row of bin numbers one symbol, plug-in, in nats.

As information-plane scripts have it in numpy: rows of bin numbers are compared as raw bytes.
"""

import numpy as np
import timed


def entropy(activations, width):
    bins = np.floor(activations / width).astype(np.int32)
    symbols = np.ascontiguousarray(bins).view(np.dtype((np.void, bins.dtype.itemsize * bins.shape[1])))
    _, counts = np.unique(symbols, return_counts=True)
    shares = counts / counts.sum()
    return -(shares * np.log(shares)).sum()


def main():
    parser = timed.parser(__doc__.splitlines()[0])
    parser.add_argument("--x", required=True, metavar="NPY", help="float32, samples x units")
    parser.add_argument("--width", type=float, default=0.5, help="of the bins (default 0.5)")
    args = parser.parse_args()
    activations = np.load(args.x)
    timed.report(lambda: entropy(activations, args.width), "nats", args)


if __name__ == "__main__":
    main()
