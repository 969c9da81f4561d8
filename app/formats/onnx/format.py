"""The model format `onnx`: one file, a trainable image classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.domain.enums import Format, Task
from app.domain.models import ImageInput, ModelFacts, ModelHints

if TYPE_CHECKING:
    from app.learn.network import Network


_SCALES_ITSELF = (
    "The graph scales its pixels itself, so it is given pixels from 0 to 255. If it was trained on "
    "others, say so in `input` (`mean` and `std`)."
)


class OnnxFormat:
    """Image classifiers as one `.onnx` file, from torch, Keras, TensorFlow or any exporter."""

    name = Format.ONNX

    def recognises(self, folder: Path) -> bool:
        """Whether the folder holds `.onnx` files and no Hugging Face configuration."""
        return any(folder.glob("*.onnx")) and not (folder / "config.json").exists()

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read the graph, plan it and run it on a few random images."""
        from app.formats.onnx.graph import read_graph
        from app.formats.onnx.image_input import read_image_input, says_scaling
        from app.formats.onnx.labels import read_labels
        from app.formats.onnx.model_file import read_model
        from app.formats.onnx.network import OnnxNetwork
        from app.formats.onnx.plan import make_plan
        from app.formats.onnx.scaling import takes_raw_pixels, with_raw_pixels
        from app.formats.onnx.trial import try_network

        model = read_model(folder)
        graph = read_graph(model)
        image = read_image_input(model, graph, hints.input)
        plan = make_plan(graph)
        notes: tuple[str, ...] = ()
        said = graph.integer_input or says_scaling(model, hints.input)
        if not said and takes_raw_pixels(plan.graph, image):
            image, notes = with_raw_pixels(image), (_SCALES_ITSELF,)
        network = OnnxNetwork(model, plan, (), image).eval()
        classes = try_network(network)
        maker = f"{model.producer_name} {model.producer_version}".strip() or "unknown producer"
        return ModelFacts(
            format=self.name,
            task=Task.IMAGE_CLASSIFICATION,
            labels=read_labels(model, hints.labels, classes),
            input=image,
            architecture=f"{graph.summary()} (ONNX opset {graph.opset}, {maker})",
            parameters=sum(weight.numel() for weight in network.parameters()),
            notes=notes,
        )

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""
        from app.formats.onnx.graph import read_graph
        from app.formats.onnx.model_file import read_model
        from app.formats.onnx.network import OnnxNetwork
        from app.formats.onnx.plan import make_plan

        if not isinstance(facts.input, ImageInput):
            raise TypeError("an ONNX classifier takes images")
        model = read_model(folder)
        plan = make_plan(read_graph(model))
        return OnnxNetwork(model, plan, facts.labels, facts.input).eval()

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write the trained weights into the original graph, as `model.onnx`."""
        from app.formats.onnx.network import OnnxNetwork
        from app.formats.onnx.write_model import write_model

        if not isinstance(network, OnnxNetwork):
            raise TypeError("this network was not read from an ONNX file")
        write_model(network, folder / "model.onnx")
