"""tritonclient over HTTP, against a real service: the protocol as its users speak it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput, InferResult
from tritonclient.utils import InferenceServerException

from tests.support.models import DIGITS, INTENTS, SENTENCES, TAGS
from tests.support.service import Service

TEXTS = np.array(SENTENCES, dtype=object)


@pytest.fixture(scope="module")
def triton(served: Service) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(served.url.removeprefix("http://"), network_timeout=120) as client:
        yield client


def test_the_server_is_live_and_ready_and_names_its_extensions(triton) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    metadata = triton.get_server_metadata()
    assert metadata["name"] == "babelport"
    assert metadata["extensions"] == ["binary_tensor_data", "classification", "model_repository"]


def test_a_model_that_can_answer_is_ready_and_others_are_not(triton) -> None:
    assert triton.is_model_ready("intents")
    assert triton.is_model_ready("intents", "2")
    for model, version in (("intents", "3"), ("nobody", ""), ("encoder", "")):
        assert not triton.is_model_ready(model, version)


def test_the_metadata_of_each_task_names_what_goes_in_and_comes_out(triton) -> None:
    intents = triton.get_model_metadata("intents")
    assert (intents["name"], intents["versions"]) == ("intents", ["1", "2"])
    assert intents["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    assert intents["outputs"] == [
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {
            "name": "probabilities",
            "datatype": "FP32",
            "shape": [-1, 3],
            "parameters": {"labels": list(INTENTS)},
        },
    ]
    digits = triton.get_model_metadata("digits", "1")
    assert digits["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, -1, -1]}]
    outputs = [one["name"] for one in triton.get_model_metadata("wishes")["outputs"]]
    assert outputs == ["labels", "probabilities"]
    [tagged] = triton.get_model_metadata("places")["outputs"]
    assert tagged["parameters"] == {"labels": list(TAGS)}


@pytest.mark.parametrize("sent", [True, False], ids=["sent binary", "sent as JSON"])
@pytest.mark.parametrize("answered", [True, False], ids=["answered binary", "answered in JSON"])
@pytest.mark.parametrize("shape", [(8,), (8, 1)])
def test_texts_get_the_same_bytes_of_probabilities_however_they_travel(
    served: Service, triton, sent: bool, answered: bool, shape: tuple[int, ...]
) -> None:
    content = _tensor("text", TEXTS.reshape(shape), "BYTES", binary=sent)
    wanted = [InferRequestedOutput(n, binary_data=answered) for n in ("probabilities", "label")]

    result = triton.infer("intents", [content], outputs=wanted, request_id="42")

    rest_predictions = served.client.predict("intents", list(SENTENCES))["predictions"]
    expected = np.array(
        [list(one["probabilities"].values()) for one in rest_predictions], np.float32
    )
    assert result.as_numpy("probabilities").tobytes() == expected.tobytes()
    assert _texts(result, "label") == [one["label"] for one in rest_predictions]
    response = result.get_response()
    assert [one["name"] for one in response["outputs"]] == ["probabilities", "label"]
    assert response["id"] == "42"
    assert (response["model_name"], response["model_version"]) == ("intents", "2")


def test_one_output_may_be_binary_and_the_other_not(triton) -> None:
    wanted = [
        InferRequestedOutput("label", binary_data=False),
        InferRequestedOutput("probabilities", binary_data=True),
    ]
    result = triton.infer("intents", [_texts_given()], outputs=wanted)
    label, probabilities = result.get_response()["outputs"]
    assert "data" in label
    assert probabilities["parameters"] == {"binary_data_size": 8 * 3 * 4}
    assert result.as_numpy("probabilities").shape == (8, 3)


def test_no_named_outputs_means_all_and_the_client_then_asks_for_binary(triton) -> None:
    response = triton.infer("intents", [_texts_given()]).get_response()
    assert [one["name"] for one in response["outputs"]] == ["label", "probabilities"]
    assert all("binary_data_size" in one["parameters"] for one in response["outputs"])


def test_a_version_is_asked_for_and_named(triton) -> None:
    first = triton.infer("intents", [_texts_given()], model_version="1")
    second = triton.infer("intents", [_texts_given()], model_version="2")
    assert first.get_response()["model_version"] == "1"
    assert not np.array_equal(first.as_numpy("probabilities"), second.as_numpy("probabilities"))


def test_classes_come_as_value_number_and_label(triton) -> None:
    wanted = [InferRequestedOutput("probabilities", class_count=2)]
    result = triton.infer("intents", [_texts_given()], outputs=wanted)
    everything = triton.infer("intents", [_texts_given()]).as_numpy("probabilities")
    found = result.as_numpy("probabilities")
    assert found.shape == (8, 2)
    value, number, label = found[0, 0].decode().split(":")
    assert float(value) == pytest.approx(everything[0].max(), abs=1e-5)
    assert (int(number), label) == (everything[0].argmax(), INTENTS[everything[0].argmax()])


def test_a_model_of_several_labels_lists_those_that_apply(served: Service, triton) -> None:
    result = triton.infer("wishes", [_texts_given()])
    rest_predictions = served.client.predict("wishes", list(SENTENCES))["predictions"]
    assert [json.loads(one) for one in _texts(result, "labels")] == [
        one["labels"] for one in rest_predictions
    ]
    assert result.as_numpy("probabilities").shape == (8, 3)


def test_a_tagger_answers_for_texts_and_for_words(served: Service, triton) -> None:
    words = [["turn", "on", "Luna"], ["light", "off"], ["Luna"]]
    filled = np.array([row + [""] * (3 - len(row)) for row in words], dtype=object)

    by_words = triton.infer("places", [_tensor("words", filled, "BYTES")])
    by_texts = triton.infer("places", [_texts_given()])

    rest_predictions = served.client.predict("places", words)["predictions"]
    assert [json.loads(one) for one in _texts(by_words, "tagged")] == rest_predictions
    rest_predictions = served.client.predict("places", list(SENTENCES))["predictions"]
    assert [json.loads(one) for one in _texts(by_texts, "tagged")] == rest_predictions


@pytest.mark.parametrize("binary", [True, False])
def test_every_form_of_a_batch_of_images_gets_the_same_answer(
    served: Service, triton, binary: bool
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    forms = [
        ("UINT8", pixels),
        ("UINT8", pixels[:, None]),
        ("UINT8", pixels[..., None]),
        ("INT64", pixels.astype(np.int64)),
        ("FP32", pixels.astype(np.float32)[:, None]),
        ("FP32", (pixels / 255).astype(np.float32)[:, None]),
    ]
    rest_predictions = served.client.predict("digits", pixels.tolist())["predictions"]
    expected = [one["label"] for one in rest_predictions]
    assert set(expected) <= set(DIGITS)
    for datatype, array in forms:
        result = triton.infer("digits", [_tensor("image", array, datatype, binary)])
        assert _texts(result, "label") == expected
        np.testing.assert_allclose(
            result.as_numpy("probabilities"),
            [list(one["probabilities"].values()) for one in rest_predictions],
            atol=1e-6,
        )


def test_image_files_travel_as_bytes_or_in_base64(served: Service, triton) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (28, 28), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    expected = served.client.predict("digits", [pixels.tolist()])["predictions"][0]["label"]
    raw = np.array([file.getvalue()], dtype=object)
    text = np.array([base64.b64encode(file.getvalue()).decode()], dtype=object)
    for content, binary in ((raw, True), (text, True), (text, False)):
        result = triton.infer("digits", [_tensor("image", content, "BYTES", binary)])
        assert _texts(result, "label") == [expected]


def test_many_requests_at_once_each_get_their_own_answer(triton, served: Service) -> None:
    rest_predictions = served.client.predict("intents", list(SENTENCES))["predictions"]
    with InferenceServerClient(served.url.removeprefix("http://"), concurrency=8) as client:
        futures = [
            client.async_infer("intents", [_tensor("text", TEXTS[i % 8 : i % 8 + 1], "BYTES")])
            for i in range(64)
        ]
        labels = [_texts(one.get_result(), "label")[0] for one in futures]
    assert labels == [rest_predictions[i % 8]["label"] for i in range(64)]


@pytest.mark.parametrize(
    ("model", "version", "texts", "status", "code"),
    [
        ("nobody", "", ["hello"], "404", "model-not-found"),
        ("intents", "7", ["hello"], "404", "model-not-found"),
        ("encoder", "", ["hello"], "409", "model-cannot-predict"),
        ("intents", "", ["fine", " "], "400", "input-unusable"),
        ("digits", "", ["hello"], "400", "input-unusable"),
        ("intents", "", ["hello"] * 257, "413", "too-many-inputs"),
    ],
)
def test_a_refusal_has_the_protocols_form(
    triton, model: str, version: str, texts: list[str], status: str, code: str
) -> None:
    content = _tensor("text", np.array(texts, dtype=object), "BYTES")
    with pytest.raises(InferenceServerException) as refused:
        triton.infer(model, [content], model_version=version)
    assert refused.value.status() == status
    assert code in refused.value.message()
    with pytest.raises(InferenceServerException) as later:
        triton.async_infer(model, [content], model_version=version).get_result()
    assert later.value.message() == refused.value.message()


def test_an_output_that_the_model_does_not_give_is_refused(triton) -> None:
    for model, output in (("intents", "logits"), ("intents", "labels"), ("places", "label")):
        with pytest.raises(InferenceServerException, match="output-unknown"):
            triton.infer(model, [_texts_given()], outputs=[InferRequestedOutput(output)])


def _texts_given() -> InferInput:
    return _tensor("text", TEXTS, "BYTES")


def _tensor(name: str, array: np.ndarray, datatype: str, binary: bool = True) -> InferInput:
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def _texts(result: InferResult, name: str) -> list[Any]:
    """JSON brings str, raw bytes bring bytes."""
    found = result.as_numpy(name).tolist()
    return [one.decode() if isinstance(one, bytes) else one for one in found]
