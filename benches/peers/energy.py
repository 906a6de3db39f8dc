"""Gradient inference of an energy-based bottleneck in torch, from a model that Narrows saved: one JSON line.

    energy.py MODEL_FOLDER X.npy THREADS BATCH float32|float64

As the paper writes it: two logits a concept and one a class from zero, embeddings mixed by their softmax and brought to
length one in the energies of class and concepts, mixed as they are in the global one, Adam. All samples of a batch take
all steps. Prints the seconds of the loop and the energy at which each sample ended.
"""

import json
import sys
import time
from pathlib import Path

import numpy
import torch
from safetensors.torch import load_file
from torch.nn.functional import normalize

folder, threads, batch, precision = Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4]), getattr(torch, sys.argv[5])
torch.set_num_threads(threads)
settings = json.loads((folder / "model.json").read_text())["settings"]["inference"]
weights, descent = settings["weights"], settings["descent"]
numbers = {name: tensor.to(precision) for name, tensor in load_file(folder / "model.safetensors").items()}
inputs = torch.from_numpy(numpy.load(sys.argv[2])).to(precision)

classes = numbers["class_embeddings"]
concepts = torch.stack([numbers["absent_embeddings"], numbers["present_embeddings"]], 1)
count, width = concepts.shape[0], concepts.shape[2]


def gate(name, x):
    return x @ numbers[f"{name}.weights"] + numbers[f"{name}.intercepts"]


def energy(s, embedding, readout):
    return (torch.relu(s + s * embedding) * readout).sum(-1)


def joint(class_gate, concept_gate, class_logits, concept_logits):
    shares, mixture = class_logits.softmax(-1), concept_logits.softmax(-1)
    label = normalize(shares @ classes, dim=-1)
    values = torch.einsum("bkv,kvh->bkh", mixture, concepts)
    of_class = energy(class_gate, label, numbers["class_readout"])
    of_concepts = energy(concept_gate[:, None], normalize(values, dim=-1), numbers["concept_readouts"]).sum(-1)
    s = values.reshape(-1, count * width) @ numbers["projection.weights"] + numbers["projection.intercepts"]
    of_all = energy(s, label, numbers["global_readout"])
    if settings["partition"] == "class":
        each = energy(s[:, None], normalize(classes, dim=-1), numbers["global_readout"])
        of_all = of_all + torch.logsumexp(-each, -1)
    return weights["class"] * of_class + weights["concept"] * of_concepts + weights["global"] * of_all


def descend(x):
    with torch.no_grad():
        gates = gate("class_gate", x), gate("concept_gate", x)
    class_logits = torch.zeros(len(x), len(classes), dtype=precision, requires_grad=True)
    concept_logits = torch.zeros(len(x), count, 2, dtype=precision, requires_grad=True)
    optimiser = torch.optim.Adam([class_logits, concept_logits], lr=descent["rate"])
    for _ in range(descent["steps"]):
        optimiser.zero_grad()
        joint(*gates, class_logits, concept_logits).sum().backward()
        optimiser.step()
    with torch.no_grad():
        return joint(*gates, class_logits, concept_logits)


descend(inputs[:batch])
started = time.perf_counter()
energies = torch.cat([descend(part) for part in inputs.split(batch)])
print(json.dumps({"seconds": time.perf_counter() - started, "energies": energies.tolist()}))
