"""Estimators on matrices of pairwise distances, in torch on the CPU, float32, with the whole N x N matrices.

kde             H = d/2 - mean_i log[ 1/N sum_j (2 pi s)^(-d/2) exp(-D_ij / (2 s)) ], D the squared distances and s the
                variance: the upper bound of Kolchinsky and Tracey (2017) on the entropy of a Gaussian mixture. Nats.
cauchy-schwarz  log2(sum K_ij Q_ij / N^2) + log2(sum K sum Q / N^4) - 2 log2(sum_i (sum_j K_ij)(sum_j Q_ij) / N^3), the
                Cauchy-Schwarz quadratic mutual information (Principe 2010; Yu et al. 2024). Bits.
hsic            tr(K H Q H) / (N - 1)^2, H = 1 - 1/N (Gretton et al. 2005). No unit.
renyi           S(A) + S(B) - S(A o B / tr), S(A) = log2(sum_i lambda_i^a) / (1 - a), A = K / N (Sanchez Giraldo, Rao
                and Principe 2015). Bits. In float64, as eigenvalues near zero need.

K_ij = exp(-|x_i - x_j|^2 / (2 sigma^2)), Q the same of y.
"""

import math

import numpy as np
import timed
import torch


def squared_distances(rows):
    norms = (rows * rows).sum(dim=1)
    return (norms[:, None] + norms[None, :] - 2 * rows @ rows.T).clamp(min=0)


def kernel(rows, sigma):
    return torch.exp(-squared_distances(rows) / (2 * sigma**2))


def kde(x, _, args):
    count, dimension = x.shape
    log_sums = torch.logsumexp(-squared_distances(x) / (2 * args.variance), dim=1)
    log_density = log_sums - math.log(count) - dimension / 2 * math.log(2 * math.pi * args.variance)
    return dimension / 2 - log_density.mean()


def cauchy_schwarz(x, y, args):
    count = len(x)
    k, q = kernel(x, args.sigma), kernel(y, args.sigma)
    together = torch.log2((k * q).sum() / count**2)
    apart = torch.log2(k.sum() / count**2) + torch.log2(q.sum() / count**2)
    across = torch.log2((k.sum(dim=1) * q.sum(dim=1)).sum() / count**3)
    return together + apart - 2 * across


def hsic(x, y, args):
    count = len(x)
    k, q = kernel(x, args.sigma), kernel(y, args.sigma)
    centred = k - k.mean(dim=0) - k.mean(dim=1, keepdim=True) + k.mean()
    return (centred * q).sum() / (count - 1) ** 2


def renyi(x, y, args):
    def entropy(matrix):
        eigenvalues = torch.linalg.eigvalsh(matrix).clamp(min=0)
        return torch.log2((eigenvalues**args.alpha).sum()) / (1 - args.alpha)

    a, b = (kernel(side.double(), args.sigma) / len(side) for side in (x, y))
    joint = a * b
    return entropy(a) + entropy(b) - entropy(joint / joint.trace())


METHODS = {
    "kde": (kde, "nats"),
    "cauchy-schwarz": (cauchy_schwarz, "bits"),
    "hsic": (hsic, ""),
    "renyi": (renyi, "bits"),
}


def main():
    parser = timed.parser(__doc__.splitlines()[0])
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("--x", required=True, metavar="NPY")
    parser.add_argument("--y", metavar="NPY", help="for all but kde")
    parser.add_argument("--variance", type=float, default=0.1, help="of kde's noise (default 0.1)")
    parser.add_argument("--sigma", type=float, default=1.0, help="of the kernels (default 1)")
    parser.add_argument("--alpha", type=float, default=1.01, help="order of renyi (default 1.01)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    x = torch.from_numpy(np.load(args.x))
    y = torch.from_numpy(np.load(args.y)) if args.y else None
    method, unit = METHODS[args.method]
    with torch.no_grad():
        timed.report(lambda: method(x, y, args).item(), unit, args)


if __name__ == "__main__":
    main()
