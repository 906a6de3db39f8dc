"""Dictionaries between Narrows and the packages SAELens and dictionary_learning, both ways.

Each package saves a dictionary of each of its kinds; `narrows sae import` and `export` read and write it; the packages'
own loaders open what Narrows wrote, and must compute the same activations and reconstructions from it as from what they
saved themselves. Needs sae-lens (6) and dictionary-learning:

    python3 tests/interop/sae_lens_round_trip.py target/release/narrows
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from dictionary_learning import dictionary as dl
from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
from dictionary_learning.trainers.top_k import AutoEncoderTopK
from dictionary_learning.utils import load_dictionary
from sae_lens.saes import SAE
from sae_lens.saes.gated_sae import GatedSAE, GatedSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUSAE, JumpReLUSAEConfig
from sae_lens.saes.standard_sae import StandardSAE, StandardSAEConfig
from sae_lens.saes.topk_sae import TopKSAE, TopKSAEConfig

D, H, N, TOLERANCE = 64, 512, 2000, 1e-4


def fill(module):
    for name, parameter in module.named_parameters():
        value = torch.randn(parameter.shape) / parameter.shape[0] ** 0.5
        parameter.data = value.abs() if name == "threshold" else value
    if hasattr(module, "W_enc"):
        module.W_enc.data = module.W_dec.data.T.contiguous() * 0.9


def narrows(binary, *arguments):
    done = subprocess.run([binary, "sae", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)


def computed(model, x):
    with torch.no_grad():
        codes = model.encode(x)
        return codes, model.decode(codes)


def compare(what, before, after):
    gaps = [float((a - b).abs().max()) for a, b in zip(before, after)]
    l0 = float((before[0] > 0).float().sum(1).mean())
    print(f"  {what:58} L0 {l0:6.1f}   codes {gaps[0]:.1e}   reconstruction {gaps[1]:.1e}")
    assert max(gaps) < TOLERANCE, what
    return max(gaps)


def saelens(folder):
    return SAE.load_from_disk(folder)


def dictionary_learning(folder):
    return load_dictionary(str(folder), "cpu")[0]


def main(binary):
    torch.manual_seed(0)
    x = torch.randn(N, D) * 2
    worst = 0.0
    print(f"sae-lens {version('sae-lens')}, dictionary-learning {version('dictionary-learning')}, torch {torch.__version__}")
    print(f"{N} samples of {D} inputs, {H} features; largest absolute differences")
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        print("saved by SAELens, through narrows sae import, opened by SAE.load_from_disk:")
        for name, cls, config in [
            ("standard", StandardSAE, StandardSAEConfig(D, H)),
            ("standard, b_dec not applied to the input", StandardSAE, StandardSAEConfig(D, H, apply_b_dec_to_input=False)),
            ("topk", TopKSAE, TopKSAEConfig(D, H, k=16)),
            ("topk, rescale_acts_by_decoder_norm", TopKSAE, TopKSAEConfig(D, H, k=16, rescale_acts_by_decoder_norm=True)),
            ("jumprelu", JumpReLUSAE, JumpReLUSAEConfig(D, H)),
            ("gated", GatedSAE, GatedSAEConfig(D, H)),
        ]:
            model = cls(config)
            fill(model)
            place = root / name
            model.save_model(place / "theirs")
            before = computed(saelens(place / "theirs"), x)
            narrows(binary, "import", place / "theirs", "--out", place / "ours")
            worst = max(worst, compare(name, before, computed(saelens(place / "ours"), x)))
            narrows(binary, "export", place / "ours", "--format", "dictionary-learning", "--out", place / "dl")
            found = dictionary_learning(place / "dl")
            after = list(computed(found, x))
            if isinstance(found, dl.AutoEncoder):
                # Its loader brings the decoder to unit length: codes are larger by the norms.
                after[0] = after[0] / saelens(place / "ours").W_dec.norm(dim=1)
            worst = max(worst, compare(f"  … exported, as {type(found).__name__}", before, after))
        print("saved by dictionary_learning, through narrows sae import, opened by SAE.load_from_disk:")
        for cls, arguments in [
            (dl.AutoEncoder, {}),
            (dl.AutoEncoderNew, {}),
            (dl.GatedAutoEncoder, {}),
            (AutoEncoderTopK, {"k": 16}),
            (BatchTopKSAE, {"k": 16}),
            (dl.JumpReluAutoEncoder, {}),
            (MatryoshkaBatchTopKSAE, {"k": 16, "group_sizes": [64, 448]}),
        ]:
            model = cls(D, H, **arguments)
            fill(model)
            if cls in (BatchTopKSAE, MatryoshkaBatchTopKSAE):
                model.threshold.fill_(0.5)
            place = root / cls.__name__
            (place / "theirs").mkdir(parents=True)
            torch.save(model.state_dict(), place / "theirs" / "ae.pt")
            config = {"trainer": {"dict_class": cls.__name__, **arguments}, "buffer": {}}
            (place / "theirs" / "config.json").write_text(json.dumps(config))
            before = computed(dictionary_learning(place / "theirs"), x)
            narrows(binary, "import", place / "theirs", "--out", place / "ours")
            worst = max(worst, compare(cls.__name__, before, computed(saelens(place / "ours"), x)))
            narrows(binary, "export", place / "ours", "--format", "dictionary-learning", "--out", place / "dl")
            found = dictionary_learning(place / "dl")
            assert type(found) is cls, f"{cls} became {type(found)}"
            torch.load(place / "dl" / "ae.pt", weights_only=True)
            worst = max(worst, compare("  … exported again", before, computed(found, x)))
        place = root / "jumprelu"
        narrows(binary, "export", place / "ours", "--format", "npz", "--out", place / "npz")
        arrays = {k: torch.from_numpy(v) for k, v in np.load(place / "npz" / "params.npz").items()}
        pre = x @ arrays["W_enc"] + arrays["b_enc"]
        codes = pre.relu() * (pre > arrays["threshold"])
        before = computed(saelens(place / "ours"), x)
        worst = max(worst, compare("npz, as Gemma Scope computes", before, (codes, codes @ arrays["W_dec"] + arrays["b_dec"])))
    print(f"all agree; the largest difference is {worst:.1e}")


if __name__ == "__main__":
    main(sys.argv[1])
