"""Seconds of an epoch in torch, by the usual loop: minibatches by indexing, cross entropy, Adam.

    python3 benches/peers/training.py SIZES ACTIVATION BATCH SAMPLES EPOCHS THREADS

Prints {"seconds": ..., "steps": ...} of EPOCHS epochs, after one that is not counted. THREADS 0: torch's default.
"""

import json
import sys
import time

import torch


def main():
    sizes = [int(size) for size in sys.argv[1].split("-")]
    activation = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}[sys.argv[2]]
    batch, samples, epochs, threads = map(int, sys.argv[3:7])
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(0)
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(inputs, outputs), activation()]
    model = torch.nn.Sequential(*layers[:-1])
    x, y = torch.rand(samples, sizes[0]), torch.randint(sizes[-1], (samples,))
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_of = torch.nn.CrossEntropyLoss()

    def epoch():
        steps = 0
        for rows in torch.randperm(samples).split(batch):
            optimiser.zero_grad()
            loss_of(model(x[rows]), y[rows]).backward()
            optimiser.step()
            steps += 1
        return steps

    epoch()
    started = time.perf_counter()
    steps = sum(epoch() for _ in range(epochs))
    print(json.dumps({"seconds": time.perf_counter() - started, "steps": steps}))


if __name__ == "__main__":
    main()
