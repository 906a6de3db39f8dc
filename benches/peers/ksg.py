"""Mutual information by the k nearest neighbours (Kraskov, Stoegbauer, Grassberger 2004, first estimator).

I(X;Y) = psi(k) + psi(N) - < psi(n_x + 1) + psi(n_y + 1) >, where n_x counts the other points that lie strictly closer
in X than the k-th neighbour does in the joint space, in the maximum norm.

--library names who computes it. `kdtree` and `scipy` are the formula above on the trees of scikit-learn and of SciPy,
as most scripts have it; the others are packages, called as their documentation says.
"""

import numpy as np
import timed


def from_counts(k, inside_x, inside_y):
    """The estimate from the counts n + 1, each point itself included."""
    from scipy.special import digamma

    return digamma(k) + digamma(len(inside_x)) - np.mean(digamma(inside_x) + digamma(inside_y))


def with_kdtree(x, y, k, threads):
    from sklearn.neighbors import KDTree

    radius = KDTree(np.hstack([x, y]), metric="chebyshev").query(np.hstack([x, y]), k=k + 1)[0][:, k]
    radius = np.nextafter(radius, 0)  # query_radius counts the border: strictly closer is what is wanted
    counts = [KDTree(side, metric="chebyshev").query_radius(side, radius, count_only=True) for side in (x, y)]
    return from_counts(k, *counts)


def with_scipy(x, y, k, threads):
    from scipy.spatial import KDTree

    joint = np.hstack([x, y])
    radius = KDTree(joint).query(joint, k=k + 1, p=np.inf, workers=threads)[0][:, k]
    radius = np.nextafter(radius, 0)
    counts = [
        KDTree(side).query_ball_point(side, radius, p=np.inf, workers=threads, return_length=True) for side in (x, y)
    ]
    return from_counts(k, *counts)


def with_sklearn(x, y, k, threads):
    from sklearn.feature_selection import mutual_info_regression

    return mutual_info_regression(x, y[:, 0], n_neighbors=k, random_state=0)[0]


def with_ennemi(x, y, k, threads):
    import ennemi

    return ennemi.estimate_mi(y[:, 0], x[:, 0], k=k, max_threads=threads).item()


def with_npeet_plus(x, y, k, threads):
    from npeet_plus import mi

    return mi(x, y, k=k, base=np.e)


def with_infomeasure(x, y, k, threads):
    import infomeasure

    return infomeasure.mutual_information(x, y, approach="ksg", k=k)


LIBRARIES = {
    "kdtree": with_kdtree,
    "scipy": with_scipy,
    "sklearn": with_sklearn,
    "ennemi": with_ennemi,
    "npeet-plus": with_npeet_plus,
    "infomeasure": with_infomeasure,
}


def main():
    parser = timed.parser(__doc__.splitlines()[0])
    parser.add_argument("--x", required=True, metavar="NPY")
    parser.add_argument("--y", required=True, metavar="NPY")
    parser.add_argument("--k", type=int, default=3)
    parser.add_argument("--library", required=True, choices=LIBRARIES)
    args = parser.parse_args()
    x, y = np.load(args.x), np.load(args.y)
    np.random.seed(0)  # two of the packages add noise of 1e-10
    timed.report(lambda: LIBRARIES[args.library](x, y, args.k, args.threads), "nats", args)


if __name__ == "__main__":
    main()
