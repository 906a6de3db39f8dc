"""Makes the data of the work plane12: trains the 12-bit network in torch and saves it at 49 epochs.

Writes to `plane12/` under --out: inputs.csv (every 12-bit pattern and its label), architecture.json and
epoch_NNNNN.safetensors. The network is 12-10-7-5-4-3-2, tanh, softmax; Adam, batches of 256. Half a minute.
"""

import argparse
import csv
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

LAYERS = [12, 10, 7, 5, 4, 3, 2]
EPOCHS = [*range(0, 20, 2), *range(20, 100, 10), *range(100, 1000, 50), *range(1000, 4001, 250)]

# The twelve inputs sit on the vertices of an icosahedron: its 30 edges, and its six pairs of opposite vertices.
EDGES = """0-1 0-3 0-5 0-10 0-11 1-2 1-3 1-4 1-11 2-3 2-4 2-8 2-9 3-8 3-10 4-6 4-9 4-11 5-6 5-7 5-10 5-11 6-7 6-9 6-11
7-8 7-9 7-10 8-9 8-10"""
OPPOSITES = "0-9 1-7 2-5 3-6 4-10 8-11"


def pairs(text):
    return [tuple(map(int, pair.split("-"))) for pair in text.split()]


def label(bits):
    """The label of one pattern: a rule that every rotation and reflection of the icosahedron leaves alone."""
    active = sum(bits)
    edges = sum(bits[a] and bits[b] for a, b in pairs(EDGES))
    opposites = sum(bits[a] and bits[b] for a, b in pairs(OPPOSITES))
    if active == 5:
        return int(edges == 7)
    if active == 6:
        return int(edges >= 7 or (edges == 6 and opposites == 0))
    if active == 7:
        return int(not (edges == 8 and opposites == 2))
    return int(active > 7)


def network():
    modules = []
    for fan_in, fan_out in zip(LAYERS, LAYERS[1:]):
        linear = torch.nn.Linear(fan_in, fan_out)
        torch.nn.init.trunc_normal_(linear.weight, std=fan_in**-0.5, a=-2 * fan_in**-0.5, b=2 * fan_in**-0.5)
        torch.nn.init.zeros_(linear.bias)
        modules += [linear, torch.nn.Tanh()]
    return torch.nn.Sequential(*modules[:-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "data", metavar="DIR")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    folder = args.out / "plane12"
    folder.mkdir(parents=True, exist_ok=True)

    patterns = [[pattern >> (11 - bit) & 1 for bit in range(12)] for pattern in range(4096)]
    labels = [label(bits) for bits in patterns]
    with open(folder / "inputs.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow([*(f"b{bit}" for bit in range(12)), "label"])
        rows.writerows([*bits, y] for bits, y in zip(patterns, labels, strict=True))

    torch.manual_seed(args.seed)
    torch.set_num_threads(1)  # the network is too small to share out
    model = network()
    architecture = {"layers": LAYERS, "activation": "tanh", "output": "softmax", "keys": list(model.state_dict())}
    (folder / "architecture.json").write_text(json.dumps(architecture))

    inputs, targets = torch.tensor(patterns, dtype=torch.float32), torch.tensor(labels)
    train = torch.randperm(4096)[: int(0.8 * 4096)]
    adam = torch.optim.Adam(model.parameters(), lr=4e-4)
    for epoch in range(EPOCHS[-1] + 1):
        if epoch in EPOCHS:
            save_file(model.state_dict(), folder / f"epoch_{epoch:05}.safetensors")
        for batch in train[torch.randperm(len(train))].split(256):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(model(inputs[batch]), targets[batch]).backward()
            adam.step()
    with torch.no_grad():
        accuracy = (model(inputs).argmax(dim=1) == targets).float().mean().item()
    print(f"{len(EPOCHS)} checkpoints in {folder}, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
