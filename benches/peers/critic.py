"""Neural bounds on mutual information in torch: a small critic f(x, y), trained by Adam, its bound on all test points.

infonce  log B + mean_i [ f_ii - logsumexp_j f_ij ]                       (van den Oord, Li and Vinyals 2018)
mine     mean_i f_ii - log mean_{i != j} exp f_ij, Donsker-Varadhan; in the gradient the denominator is a moving
         average (Belghazi et al. 2018)

Half of the rows train, the other half are for the bound, which is the mean over batches of the same size. Nats.
"""

import math

import numpy as np
import timed
import torch


def critic(inputs, hidden):
    widths = [inputs, *hidden]
    modules = [m for a, b in zip(widths, widths[1:]) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())]
    return torch.nn.Sequential(*modules, torch.nn.Linear(widths[-1], 1))


def scores(model, x, y):
    """f(x_i, y_j) for every pair of a batch."""
    count = len(x)
    pairs = torch.cat([x[:, None, :].expand(-1, count, -1), y[None, :, :].expand(count, -1, -1)], dim=2)
    return model(pairs).squeeze(2)


def infonce(f):
    return math.log(len(f)) + (f.diagonal() - torch.logsumexp(f, dim=1)).mean()


def log_mean_exp_apart(f):
    apart = f.masked_fill(torch.eye(len(f), dtype=torch.bool), -math.inf)
    return torch.logsumexp(apart.flatten(), dim=0) - math.log(len(f) * (len(f) - 1))


def donsker_varadhan(f):
    return f.diagonal().mean() - log_mean_exp_apart(f)


def bound_of(bound, x, y, args):
    """Trains a critic and gives its bound on the rows that it has not seen."""
    torch.manual_seed(args.seed)
    half = len(x) // 2
    model = critic(x.shape[1] + y.shape[1], args.hidden)
    adam = torch.optim.Adam(model.parameters(), lr=args.rate)
    average = None
    for _ in range(args.steps):
        rows = torch.randint(half, (args.batch,))
        f = scores(model, x[rows], y[rows])
        if bound == "infonce":
            loss = -infonce(f)
        else:
            mean_exp = log_mean_exp_apart(f).exp()
            average = mean_exp.detach() if average is None else 0.99 * average + 0.01 * mean_exp.detach()
            loss = mean_exp / average - f.diagonal().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    value = infonce if bound == "infonce" else donsker_varadhan
    with torch.no_grad():
        batches = torch.arange(half, len(x)).split(args.batch)
        batches = [b for b in batches if len(b) == args.batch]
        return sum(value(scores(model, x[b], y[b])).item() for b in batches) / len(batches)


def main():
    parser = timed.parser(__doc__.splitlines()[0])
    parser.add_argument("bound", choices=["infonce", "mine"])
    parser.add_argument("--x", required=True, metavar="NPY")
    parser.add_argument("--y", required=True, metavar="NPY")
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 64], metavar="N")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    x, y = (torch.from_numpy(np.load(path)).float() for path in (args.x, args.y))
    timed.report(lambda: bound_of(args.bound, x, y, args), "nats", args)


if __name__ == "__main__":
    main()
