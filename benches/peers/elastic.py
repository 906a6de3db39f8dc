"""Elastic-net logistic regression by scikit-learn's saga: one JSON line with objective, seconds and tol.

    elastic.py X.npy y.npy LAMBDA MULTINOMIAL(0|1) TARGET CLOSE
    elastic.py make X.npy y.npy     writes 16 000 x 64 correlated columns and 25 classes
"""

import json
import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

ALPHA = 0.99


def make(x_file, y_file):
    rng = np.random.default_rng(6)
    n, width, classes = 16000, 64, 25
    factors = rng.normal(size=(n, 12)) @ rng.normal(size=(12, width))
    x = 0.05 * (0.3 * factors + rng.normal(size=(n, width)))
    chosen = np.where(rng.random((width, classes)) < 0.1, rng.normal(size=(width, classes)), 0.0)
    scores = 20.0 * x @ chosen + rng.gumbel(size=(n, classes))
    np.save(x_file, x)
    np.save(y_file, scores.argmax(1).astype(np.int64))


def objective(x, y, weights, intercepts, penalty, multinomial):
    scores = x @ weights.T + intercepts
    if multinomial:
        largest = scores.max(1, keepdims=True)
        losses = np.log(np.exp(scores - largest).sum(1)) + largest[:, 0] - scores[np.arange(len(y)), y]
        loss = losses.mean()
    else:
        hit = y[:, None] == np.arange(scores.shape[1])
        loss = (np.logaddexp(0, scores) - hit * scores).mean(0).sum()
    return loss + penalty * (ALPHA * np.abs(weights).sum() + (1 - ALPHA) / 2 * (weights**2).sum())


def fit(x, y, penalty, multinomial, tol):
    def model():
        settings = {"penalty": "elasticnet", "l1_ratio": ALPHA, "solver": "saga", "max_iter": 5000}
        return LogisticRegression(C=1 / (len(y) * penalty), tol=tol, random_state=0, **settings)

    if multinomial:
        fitted = model().fit(x, y)
        return fitted.coef_, fitted.intercept_
    fitted = [model().fit(x, y == k) for k in range(y.max() + 1)]
    return np.concatenate([m.coef_ for m in fitted]), np.concatenate([m.intercept_ for m in fitted])


def main():
    if sys.argv[1] == "make":
        make(*sys.argv[2:])
        return
    x, y = np.load(sys.argv[1]).astype(float), np.load(sys.argv[2])
    penalty, multinomial, target, close = float(sys.argv[3]), sys.argv[4] == "1", float(sys.argv[5]), float(sys.argv[6])
    warnings.simplefilter("ignore")
    for tol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9):
        started = time.perf_counter()
        weights, intercepts = fit(x, y, penalty, multinomial, tol)
        seconds = time.perf_counter() - started
        reached = objective(x, y, weights, intercepts, penalty, multinomial)
        if reached <= target * (1 + close):
            break
    print(json.dumps({"objective": reached, "seconds": seconds, "tol": tol}))


main()
