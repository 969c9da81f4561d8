"""tritonclient over gRPC, against a real service; and clients that write their own messages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import grpc
import numpy as np
import pytest
from google.protobuf.descriptor import Descriptor
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput, service_pb2
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub
from tritonclient.utils import InferenceServerException

from app.api.oip.grpc_messages import _MESSAGES, PACKAGE, message
from tests.support.models import INTENTS, SENTENCES
from tests.support.service import Service

TEXTS = np.array(SENTENCES, dtype=object)


@pytest.fixture(scope="module")
def address(served: Service) -> str:
    return f"127.0.0.1:{served.context.settings.grpc_port}"


@pytest.fixture(scope="module")
def triton(address: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(address) as client:
        yield client


@pytest.fixture(scope="module")
def stub(address: str) -> Iterator[GRPCInferenceServiceStub]:
    with grpc.insecure_channel(address) as channel:
        yield GRPCInferenceServiceStub(channel)


@pytest.mark.parametrize("name", _MESSAGES)
def test_our_messages_are_the_public_ones_on_the_wire(name: str) -> None:
    public = service_pb2.DESCRIPTOR.pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
    assert _fields(message(name).DESCRIPTOR) == _fields(public)


def test_server_and_models_tell_their_state_as_over_http(served: Service, triton) -> None:
    assert triton.is_server_live()
    assert triton.is_server_ready()
    assert triton.get_server_metadata().name == "babelport"
    assert triton.is_model_ready("intents", "1")
    assert not triton.is_model_ready("encoder")
    metadata = triton.get_model_metadata("intents")
    assert list(metadata.versions) == ["1", "2"]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [
        ("label", "BYTES", [-1]),
        ("probabilities", "FP32", [-1, 3]),
    ]


def test_texts_get_the_same_bytes_of_probabilities_as_over_http(served: Service, triton) -> None:
    wanted = [InferRequestedOutput("probabilities"), InferRequestedOutput("label")]
    result = triton.infer("intents", [_texts()], outputs=wanted, request_id="7")

    rest_predictions = served.client.predict("intents", list(SENTENCES))["predictions"]
    expected = np.array(
        [list(one["probabilities"].values()) for one in rest_predictions], np.float32
    )
    assert result.as_numpy("probabilities").tobytes() == expected.tobytes()
    assert result.as_numpy("label").tolist() == [one["label"].encode() for one in rest_predictions]
    response = result.get_response()
    assert (response.id, response.model_name, response.model_version) == ("7", "intents", "2")


def test_a_version_and_classes_are_asked_for(triton) -> None:
    wanted = [InferRequestedOutput("probabilities", class_count=1)]
    result = triton.infer("intents", [_texts()], model_version="1", outputs=wanted)
    assert result.get_response().model_version == "1"
    for [likeliest] in result.as_numpy("probabilities"):
        assert likeliest.decode().split(":")[2] in INTENTS


def test_images_and_words_travel_too(served: Service, triton) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1, 28, 28), dtype=np.uint8)
    labels = triton.infer("digits", [_tensor("image", pixels, "UINT8")]).as_numpy("label")
    rest_predictions = served.client.predict("digits", pixels.tolist())["predictions"]
    assert labels.tolist() == [one["label"].encode() for one in rest_predictions]

    words = np.array([["turn", "on", "Luna"], ["light", "", ""]], dtype=object)
    tagged = triton.infer("places", [_tensor("words", words, "BYTES")]).as_numpy("tagged")
    rest_predictions = served.client.predict("places", [["turn", "on", "Luna"], ["light"]])[
        "predictions"
    ]
    assert [json.loads(one) for one in tagged] == rest_predictions


def test_who_sends_typed_contents_gets_typed_contents(served: Service, stub) -> None:
    request = service_pb2.ModelInferRequest(model_name="intents")
    tensor = request.inputs.add(name="text", datatype="BYTES", shape=[8])
    tensor.contents.bytes_contents.extend(one.encode() for one in SENTENCES)
    label, probabilities = stub.ModelInfer(request).outputs
    rest_predictions = served.client.predict("intents", list(SENTENCES))["predictions"]
    assert list(label.contents.bytes_contents) == [
        one["label"].encode() for one in rest_predictions
    ]
    expected = np.array(
        [list(one["probabilities"].values()) for one in rest_predictions], np.float32
    )
    got = np.array(probabilities.contents.fp32_contents, np.float32).reshape(8, 3)
    assert got.tobytes() == expected.tobytes()

    request = service_pb2.ModelInferRequest(model_name="digits")
    tensor = request.inputs.add(name="image", datatype="FP32", shape=[1, 28, 28])
    tensor.contents.fp32_contents.extend([0.5] * 784)
    assert stub.ModelInfer(request).outputs[1].shape == [1, 10]


def test_many_calls_at_once_each_get_their_own_answer(served: Service, stub) -> None:
    rest_predictions = served.client.predict("intents", list(SENTENCES))["predictions"]
    futures = [stub.ModelInfer.future(_request([SENTENCES[i % 8]])) for i in range(64)]
    labels = [one.result().outputs[0].contents.bytes_contents[0].decode() for one in futures]
    assert labels == [rest_predictions[i % 8]["label"] for i in range(64)]


@pytest.mark.parametrize(
    ("model", "version", "texts", "status", "code"),
    [
        ("nobody", "", ["hello"], "NOT_FOUND", "model-not-found"),
        ("intents", "7", ["hello"], "NOT_FOUND", "model-not-found"),
        ("encoder", "", ["hello"], "FAILED_PRECONDITION", "model-cannot-predict"),
        ("intents", "", ["fine", " "], "INVALID_ARGUMENT", "input-unusable"),
        ("intents", "", ["hello"] * 257, "INVALID_ARGUMENT", "too-many-inputs"),
    ],
)
def test_a_refusal_has_a_status_and_says_what_to_do(
    triton, model: str, version: str, texts: list[str], status: str, code: str
) -> None:
    sent_tensor = _tensor("text", np.array(texts, dtype=object), "BYTES")
    with pytest.raises(InferenceServerException) as refused:
        triton.infer(model, [sent_tensor], model_version=version)
    assert refused.value.status() == f"StatusCode.{status}"
    assert refused.value.message().endswith(f"({code})")


def test_messages_that_contradict_themselves_are_refused(stub) -> None:
    twice, short, odd = _request(["hello"]), _request(["hello"]), _request(["hello"])
    twice.raw_input_contents.append(b"\x05\0\0\0hello")
    short.inputs.add(name="b", datatype="BYTES", shape=[1])
    short.raw_input_contents.append(b"")
    odd.inputs[0].datatype = "FP16"
    for request in (twice, short, odd):
        with pytest.raises(grpc.RpcError) as refused:
            stub.ModelInfer(request)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_call_that_the_service_does_not_know_is_unimplemented(triton) -> None:
    with pytest.raises(InferenceServerException) as refused:
        triton.get_model_config("intents")
    assert refused.value.status() == "StatusCode.UNIMPLEMENTED"


def _fields(described: Descriptor) -> list[tuple]:
    return [
        (
            field.number,
            field.name,
            field.type,
            field.is_repeated,
            field.message_type and field.message_type.full_name,
            field.containing_oneof and field.containing_oneof.name,
        )
        for field in described.fields
    ]


def _request(texts: list[str]) -> service_pb2.ModelInferRequest:
    request = service_pb2.ModelInferRequest(model_name="intents")
    tensor = request.inputs.add(name="text", datatype="BYTES", shape=[len(texts)])
    tensor.contents.bytes_contents.extend(text.encode() for text in texts)
    return request


def _texts() -> InferInput:
    return _tensor("text", TEXTS, "BYTES")


def _tensor(name: str, array: np.ndarray, datatype: str) -> InferInput:
    tensor = InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor
