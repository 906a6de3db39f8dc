"""Networks between Narrows and PyTorch, both ways.

A network that `narrows train` saved is loaded into torch.nn.Sequential, and one that PyTorch saved (zip and legacy
format) is read by narrows; the layers that both compute must agree. Needs torch, numpy and safetensors:

    python3 tests/interop/torch_round_trip.py target/release/narrows
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

CONFIG = """
name = "trip"
seeds = [0]
[data]
inputs = "twelve-bit"
[network]
hidden = [10, 7, 5]
activation = "tanh"
[training]
epochs = 20
batch_size = 256
optimiser = { kind = "adam", learning_rate = 1e-3 }
checkpoints = [0, 20]
"""


def sequential(sizes):
    layers = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers += [torch.nn.Linear(a, b)] + ([torch.nn.Tanh()] if i + 2 < len(sizes) else [])
    return torch.nn.Sequential(*layers)


def twelve_bit():
    numbers = np.arange(4096)[:, None]
    return ((numbers >> np.arange(12)) & 1).astype(np.float32)


def capture(narrows, folder, checkpoint, inputs, out, *more):
    subprocess.run(
        [narrows, "capture", "--checkpoints", checkpoint, "--inputs", inputs, "--out", out, "--quiet", *more],
        cwd=folder, check=True,
    )
    (file,) = (folder / out / "activations").glob("*.safetensors")
    return load_file(file)


def main():
    narrows = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.toml").write_text(CONFIG)
        np.save(folder / "x.npy", twelve_bit())
        x = torch.from_numpy(twelve_bit())

        subprocess.run([narrows, "train", "config.toml", "--out", "run", "--quiet"], cwd=folder, check=True)
        file = sorted((folder / "run/checkpoints").rglob("*.safetensors"))[-1]
        with safe_open(file, "pt") as opened:
            architecture = json.loads(opened.metadata()["architecture"])
        model = sequential(architecture["layers"])
        print("narrows -> torch:", model.load_state_dict(load_file(file)))
        ours = capture(narrows, folder, str(file), "x.npy", "trained")
        theirs = torch.softmax(model(x), 1)
        print(f"  output, largest difference: {(ours['output'] - theirs).abs().max().item():.2e}")

        model = sequential([12, 9, 4, 3])
        with torch.no_grad():
            hidden = model[:2](x)
            logits = model(x)
        (folder / "arch.toml").write_text('layers = [12, 9, 4, 3]\nactivation = "tanh"\noutput = "identity"\n')
        torch.save({"epoch": 5, "model": model.state_dict()}, folder / "zip.pt")
        torch.save(model.state_dict(), folder / "legacy.pt", _use_new_zipfile_serialization=False)
        save_file(model.state_dict(), folder / "plain.safetensors")
        torch.save(model.to(torch.bfloat16).state_dict(), folder / "bf16.pt")
        for name in ["zip.pt", "legacy.pt", "plain.safetensors", "bf16.pt"]:
            found = capture(narrows, folder, name, "x.npy", f"from-{name}", "--arch", "arch.toml")
            apart = [(found["hidden1"] - hidden).abs().max().item(), (found["output"] - logits).abs().max().item()]
            print(f"torch -> narrows, {name}: hidden1 {apart[0]:.2e}, output {apart[1]:.2e}")


main()
