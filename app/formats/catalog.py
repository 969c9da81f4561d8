"""The model formats, and what each does; importing them imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from app.domain.enums import Format, Task
from app.domain.errors.model_files import FormatUnknown
from app.domain.models import ImageInput, ModelFacts, ModelHints
from app.formats.declared_network.architecture import ARCHITECTURE_FILE

if TYPE_CHECKING:
    from app.learn.network import Network


_GRAPH_SCALES_PIXELS = (
    "The graph scales its pixels itself, so it is given pixels from 0 to 255. If it was trained on "
    "others, say so in `input` (`mean` and `std`)."
)
_DESCRIPTION_FILE = "word_vectors.json"


def formats() -> tuple[ModelFormat, ...]:
    """Every format, in the order in which a folder is tried; importing them imports no torch."""
    return DeclaredNetworkFormat(), HuggingFaceFormat(), OnnxFormat(), WordVectorFormat()


def format_named(name: Format) -> ModelFormat:
    """The format of that name."""
    return next(one for one in formats() if one.name == name)


def detect_format(folder: Path) -> ModelFormat:
    """The format that a folder is in; raises FormatUnknown, which lists what is accepted."""
    for one in formats():
        if one.recognises(folder):
            return one
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    raise FormatUnknown([path.relative_to(folder).as_posix() for path in paths])


class ModelFormat(Protocol):
    """Reads and writes one layout of model folders; its module imports torch only when called.

    A folder is what an upload unpacks to; a single uploaded file is a folder with that file.
    """

    name: Format

    def recognises(self, folder: Path) -> bool:
        """Whether the folder looks like this format, by its files' names and first bytes."""

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read and run the model once; raises a `RejectedFile` that says what to do.

        It may add a file to the folder from which `load` is quicker; `load` does without it.
        """

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write the network into an empty folder such that `load` gives equal predictions."""


class DeclaredNetworkFormat:
    """Image classifiers written down as a list of allow-listed torch.nn layers."""

    name = Format.DECLARED_NETWORK

    def recognises(self, folder: Path) -> bool:
        """Whether `architecture.json` is there."""
        return (folder / ARCHITECTURE_FILE).is_file()

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read and run the model once; raises a `RejectedFile` that says what to do."""
        from app.formats.declared_network.network import inspect_folder

        return inspect_folder(folder, hints)

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""
        from app.formats.declared_network.network import load

        return load(folder, facts)

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write both files into an empty folder."""
        from app.formats.declared_network.network import save

        save(network, facts, folder)


class HuggingFaceFormat:
    """Text classifiers, plain text encoders with or without a head, and image classifiers."""

    name = Format.HUGGINGFACE

    def recognises(self, folder: Path) -> bool:
        """Whether `config.json` is there."""
        return (folder / "config.json").is_file()

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read and run the model once; raises a `RejectedFile` that says what to do."""
        from app.formats.huggingface.load import inspect_folder

        return inspect_folder(folder, hints)

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""
        from app.formats.huggingface.load import load

        return load(folder, facts)

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write the network, its tokenizer or preparation, and its labels into an empty folder."""
        from app.formats.huggingface.save import save

        save(network, folder)


class OnnxFormat:
    """Image classifiers as one `.onnx` file, from torch, Keras, TensorFlow or any exporter."""

    name = Format.ONNX

    def recognises(self, folder: Path) -> bool:
        """Whether the folder holds `.onnx` files and no Hugging Face configuration."""
        return any(folder.glob("*.onnx")) and not (folder / "config.json").exists()

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read the graph, plan it and run it on a few random images."""
        from app.formats.onnx.graph import read_graph, read_model
        from app.formats.onnx.network import OnnxNetwork, check_network
        from app.formats.onnx.plan import make_plan
        from app.formats.onnx.signature import (
            read_image_input,
            read_labels,
            states_scaling,
            takes_raw_pixels,
            with_raw_pixels,
        )

        model = read_model(folder)
        graph = read_graph(model)
        image = read_image_input(model, graph, hints.input)
        plan = make_plan(graph)
        notes: tuple[str, ...] = ()
        scaling_known = graph.integer_input or states_scaling(model, hints.input)
        if not scaling_known and takes_raw_pixels(plan.graph, image):
            image, notes = with_raw_pixels(image), (_GRAPH_SCALES_PIXELS,)
        network = OnnxNetwork(model, plan, (), image).eval()
        classes = check_network(network)
        producer = f"{model.producer_name} {model.producer_version}".strip() or "unknown producer"
        return ModelFacts(
            format=self.name,
            task=Task.IMAGE_CLASSIFICATION,
            labels=read_labels(model, hints.labels, classes),
            input=image,
            architecture=f"{graph.summary()} (ONNX opset {graph.opset}, {producer})",
            parameters=sum(weight.numel() for weight in network.parameters()),
            notes=notes,
        )

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, float32, on the CPU, in eval mode."""
        from app.formats.onnx.graph import read_graph, read_model
        from app.formats.onnx.network import OnnxNetwork
        from app.formats.onnx.plan import make_plan

        if not isinstance(facts.input, ImageInput):
            raise TypeError("an ONNX classifier takes images")
        model = read_model(folder)
        plan = make_plan(read_graph(model))
        return OnnxNetwork(model, plan, facts.labels, facts.input).eval()

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write the trained weights into the original graph, as `model.onnx`."""
        from app.formats.onnx.network import OnnxNetwork, write_model

        if not isinstance(network, OnnxNetwork):
            raise TypeError("this network was not read from an ONNX file")
        write_model(network, folder / "model.onnx")


class WordVectorFormat:
    """Word vectors with a linear head on pooled vectors, or without."""

    name = Format.WORD_VECTORS

    def recognises(self, folder: Path) -> bool:
        """Whether `word_vectors.json` or a file that begins like word vectors is there."""
        from app.formats.word_vectors.raw_vectors import raw_vector_files

        if (folder / _DESCRIPTION_FILE).is_file():
            return True
        others = ("config.json", "architecture.json", "model.onnx")
        return not any((folder / name).is_file() for name in others) and bool(
            raw_vector_files(folder)
        )

    def inspect(self, folder: Path, hints: ModelHints) -> ModelFacts:
        """Read the vectors and write them where `load` finds them; raises a `RejectedFile`."""
        from app.formats.word_vectors.files import inspect_folder

        return inspect_folder(folder, hints)

    def load(self, folder: Path, facts: ModelFacts) -> Network:
        """The trainable network, memory mapped where the folder has the kept layout."""
        from app.formats.word_vectors.files import load

        return load(folder, facts)

    def save(self, network: Network, facts: ModelFacts, folder: Path) -> None:
        """Write matrix, vocabulary, description and head into an empty folder."""
        from app.formats.word_vectors.files import write_network
        from app.learn.word_vectors import WordVectorNetwork

        if not isinstance(network, WordVectorNetwork):
            raise TypeError(f"A {type(network).__name__} is no network of word vectors.")
        write_network(network, folder)
