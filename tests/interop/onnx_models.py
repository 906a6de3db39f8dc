"""The model architectures that the onnx package ships, run by narrows.

Each of onnx/backend/test/data/light is run twice: as it is, against the output stored beside it, and with its constant
weights replaced by random ones, against onnxruntime. Needs onnx, onnxruntime, numpy and safetensors:

    python3 tests/interop/onnx_models.py target/release/narrows
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from safetensors.numpy import load_file


def run(narrows, folder, model, x, layer):
    np.save(folder / "x.npy", x)
    done = subprocess.run(
        [narrows, "capture", "--checkpoints", str(model), "--inputs", "x.npy", "--layers", layer, "--out", "o", "--force", "--quiet"],
        cwd=folder, capture_output=True, text=True,
    )
    if done.returncode:
        return None, done.stderr.strip()
    (file,) = (folder / "o/activations").glob("*.safetensors")
    return load_file(file)[layer], ""


def randomised(model, seed):
    """The model with every constant weight drawn anew, scaled by its fan-in so that values neither vanish nor blow up."""
    random = np.random.default_rng(seed)
    shapes = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    kept, taken = [], {}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape" and node.input[0] in shapes:
            shape = [int(n) for n in shapes[node.input[0]]]
            fan = int(np.prod(shape[1:])) if len(shape) > 1 else 1
            values = random.normal(size=shape) * np.sqrt(2 / fan) if len(shape) > 1 else random.uniform(0.5, 1.0, shape)
            taken[node.output[0]] = numpy_helper.from_array(values.astype(np.float32), node.output[0])
        else:
            kept.append(node)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.node[:]
    copy.graph.node.extend(kept)
    copy.graph.initializer.extend(taken.values())
    return copy


def main():
    narrows = str(Path(sys.argv[1]).resolve())
    lights = sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("light_*.onnx"))
    print("| model | nodes | operators | against the stored output | random weights against onnxruntime, relative |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in lights:
            model = onnx.load(path)
            weights = {i.name for i in model.graph.initializer}
            (source,) = [i for i in model.graph.input if i.name not in weights]
            shape = [d.dim_value for d in source.type.tensor_type.shape.dim]
            layer = model.graph.output[0].name
            # The input that the package's own runner makes for them.
            x = (np.arange(np.prod(shape)).reshape(shape) / np.prod(shape)).astype(np.float32)
            stored = numpy_helper.to_array(onnx.load_tensor(str(path)[:-5] + "_output_0.pb"))
            found, error = run(narrows, folder, path, x, layer)
            first = error or f"{np.abs(found.reshape(stored.shape) - stored).max():.1e} of {np.abs(stored).max():.1e}"
            drawn = randomised(model, 0)
            onnx.save(drawn, folder / "random.onnx")
            x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
            # The values before the softmax tell more than those behind it.
            last = [n for n in drawn.graph.node if layer in n.output][0]
            tap = last.input[0] if last.op_type == "Softmax" else layer
            if tap != layer:
                drawn.graph.output.append(onnx.helper.make_tensor_value_info(tap, onnx.TensorProto.FLOAT, None))
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(drawn.SerializeToString(), options, providers=["CPUExecutionProvider"])
            (expected,) = session.run([tap], {source.name: x})
            found, error = run(narrows, folder, folder / "random.onnx", x, tap)
            second = error or f"{np.abs(found.reshape(expected.shape) - expected).max() / np.abs(expected).max():.1e} ({tap})"
            operators = len({n.op_type for n in model.graph.node})
            print(f"| {path.stem[6:]} | {len(model.graph.node)} | {operators} | {first} | {second} |", flush=True)


main()
