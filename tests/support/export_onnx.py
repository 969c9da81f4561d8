"""Makes the ONNX files of `tests/support/onnx_files`, as users' own exporters write them.

Run once by hand, with the exporter's name, in an environment that has it:

    python tests/support/export_onnx.py torch             # torch, onnx, onnxscript
    python tests/support/export_onnx.py tensorflow        # tensorflow-cpu, keras, tf2onnx
    KERAS_BACKEND=torch python tests/support/export_onnx.py keras-torch

Each run records the versions it used in `versions.json`. Weights are random: the tests compare
outputs with ONNX Runtime's, so what a network has learnt does not matter.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "onnx_files"


def export_torch() -> None:
    """Every network by the exporter of today and by the older one, fixed and free batch."""
    import torch

    from tests.support.torch_classifiers import classifiers

    for name, (network, shape) in classifiers().items():
        free = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
        _export_torch(network, (2, *shape), f"torch-dynamo-{name}", dynamo=True, **free)
        _export_torch(network, (1, *shape), f"torch-dynamo-fixed-{name}", dynamo=True)
        axes = {"dynamic_axes": {"images": {0: "batch"}, "logits": {0: "batch"}}}
        for opset in (11, 17) if name == "convolutional" else (14,):
            file = f"torch-classic-{opset}-{name}"
            _export_torch(network, (2, *shape), file, opset_version=opset, dynamo=False, **axes)
    network, shape = classifiers()["convolutional"]
    _export_torch(network, (1, *shape), "torch-classic-fixed-convolutional", dynamo=False)
    _record("torch", "torch", "onnx", "onnxscript")


def export_tensorflow() -> None:
    """Keras networks by Keras's own export and by tf2onnx, channels last and first."""
    import tensorflow
    import tf2onnx

    for name, network in _keras_classifiers().items():
        network.export(FOLDER / f"keras-tensorflow-{name}.onnx", format="onnx", verbose=False)
        shape = network.inputs[0].shape
        signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="images")]

        @tensorflow.function(input_signature=signature)
        def call(images: Any, network: Any = network) -> Any:
            return network(images, training=False)

        for opset, order in ((13, "channels-last"), (18, "channels-first")):
            first = ["images"] if order == "channels-first" and len(shape) == 4 else None
            tf2onnx.convert.from_function(
                call,
                input_signature=signature,
                opset=opset,
                inputs_as_nchw=first,
                output_path=FOLDER / f"tf2onnx-{opset}-{order}-{name}.onnx",
            )
    _record("tensorflow", "tensorflow-cpu", "keras", "tf2onnx", "onnx")


def export_keras_on_torch() -> None:
    """Keras networks with torch beneath."""
    for name, network in _keras_classifiers().items():
        network.export(FOLDER / f"keras-torch-{name}.onnx", format="onnx", verbose=False)
    _record("keras-torch", "keras", "torch", "onnx", "onnxscript")


def _export_torch(network: Any, shape: tuple[int, ...], name: str, **options: Any) -> None:
    import torch

    names = {"input_names": ["images"], "output_names": ["logits"], "verbose": False}
    path = str(FOLDER / f"{name}.onnx")
    if options["dynamo"]:
        options["external_data"] = False
    torch.onnx.export(network, (torch.zeros(shape),), path, **names, **options)


def _keras_classifiers() -> dict[str, Any]:
    import keras
    import numpy as np
    from keras import layers

    keras.utils.set_random_seed(0)
    convolutional = [
        keras.Input((28, 28, 1)),
        layers.Conv2D(8, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
    normalised = [
        keras.Input((33, 32, 3)),
        layers.Rescaling(2.0, offset=-1.0),
        layers.SeparableConv2D(8, 3, strides=2, padding="same"),
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        layers.AveragePooling2D(3, strides=2, padding="same"),
        layers.ZeroPadding2D(1),
        layers.Conv2D(16, 3, use_bias=False),
        layers.Activation("silu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5),
    ]
    flat = [
        keras.Input((64,)),
        layers.Dense(16, use_bias=False),
        layers.LayerNormalization(),
        layers.Activation(lambda values: keras.ops.gelu(values, approximate=True)),
        layers.Dense(3, activation="softmax"),
    ]
    named = {"convolutional": convolutional, "normalised": normalised, "flat": flat}
    if keras.config.backend() == "torch":
        del named["flat"]  # Keras cannot export its own layer normalisation from torch
    networks = {name: keras.Sequential(parts) for name, parts in named.items()}
    for network in networks.values():
        network.set_weights([_drawn(w, seed) for seed, w in enumerate(network.get_weights())])
        network(np.zeros((1, *network.input_shape[1:]), "float32"))
    return networks


def _drawn(weight: Any, seed: int) -> Any:
    """Random values in place of zeros and ones, so that no bias or scale goes untested.

    No two are equal, because the exporters would make one shared constant of them.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = generator.uniform(0.5, 1.5, weight.shape) if weight.ndim == 1 else weight
    return drawn.astype("float32")


def _forget_the_machine() -> None:
    """Take out the stack traces, which name folders of the machine that exported."""
    import onnx

    for path in FOLDER.glob("*.onnx"):
        model = onnx.load(path)
        parts = [model.graph, *model.graph.node, *model.graph.value_info, *model.functions]
        for part in [*parts, *(node for f in model.functions for node in f.node)]:
            part.doc_string = ""
            del part.metadata_props[:]
        onnx.save(model, path)


def _record(exporter: str, *packages: str) -> None:
    path = FOLDER / "versions.json"
    versions = json.loads(path.read_text()) if path.exists() else {}
    versions[exporter] = {package: version(package) for package in packages}
    path.write_text(json.dumps(versions, indent=2, sort_keys=True) + "\n")


EXPORTERS: dict[str, Callable[[], None]] = {
    "torch": export_torch,
    "tensorflow": export_tensorflow,
    "keras-torch": export_keras_on_torch,
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    sys.path.insert(0, str(Path(__file__).parents[2]))
    EXPORTERS[sys.argv[1]]()
    _forget_the_machine()
