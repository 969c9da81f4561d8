"""What the refusal of a request says of its fields: what to send, and not only what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from app.api.forms import FieldsInvalid, FormParts, form_fields, json_body
from app.api.schemas.datasets import NewDatasetFields
from app.api.schemas.predictions import PredictionRequest
from app.api.schemas.transfers import TransferFields, TransferWithFilesFields
from app.domain.enums import Role
from app.domain.errors.requests import RequestInvalid
from app.domain.errors.transfers import ParametersInvalid
from app.domain.invalid_fields import explain_fields
from app.methods.contract import method_named

_TRANSFER = {"model": "m", "language": "de", "datasets": {}}


def _refusal(body: Any, schema: type[BaseModel]) -> RequestInvalid:
    with pytest.raises(FieldsInvalid) as refused:
        json_body(body if isinstance(body, str) else json.dumps(body), schema)
    return RequestInvalid(explain_fields(refused.value.errors(), refused.value.schema))


def test_a_name_with_a_space_is_answered_with_one_without() -> None:
    refusal = _refusal({"language": "de", "name": "German test"}, NewDatasetFields)
    assert "no spaces" in refusal.message
    assert "^[A-Z" not in refusal.message
    assert "`German-test`" in refusal.advice


def test_a_missing_language_is_asked_for_with_an_example() -> None:
    with pytest.raises(FieldsInvalid) as refused:
        form_fields(FormParts({}, {}), NewDatasetFields)
    refusal = RequestInvalid(explain_fields(refused.value.errors(), refused.value.schema))
    assert refusal.message == "`language` is missing."
    assert "-F language=de" in refusal.advice


def test_a_role_that_is_not_one_is_answered_with_the_roles() -> None:
    refusal = _refusal(_TRANSFER | {"datasets": {"training": "dst_1"}}, TransferFields)
    assert refusal.message == "`training` is none of the choices of `datasets`."
    assert "Did you mean `train`?" in refusal.advice
    assert all(role in refusal.advice for role in Role)


def test_a_guessed_field_of_a_prediction_is_answered_with_the_two_there_are() -> None:
    refusal = _refusal({"text": "a"}, PredictionRequest)
    assert "Send `input` or `inputs` instead." in refusal.advice


def test_one_text_as_inputs_is_answered_with_a_list() -> None:
    refusal = _refusal({"inputs": "a text"}, PredictionRequest)
    assert refusal.message == "`inputs` must be a list."
    assert '`["a text"]`, or one input as `input`' in refusal.advice


def test_a_misspelt_field_is_answered_with_the_nearest_and_all_others() -> None:
    refusal = _refusal(_TRANSFER | {"langauge": "de"}, TransferFields)
    assert "Send `language` instead. The fields are: auxiliary_model, datasets, " in refusal.advice
    nested = _refusal({"input": "a", "window": {"pools": "max"}}, PredictionRequest)
    assert nested.advice == "Send `pool` instead. The fields are: pool, stride."


def test_the_part_of_a_model_is_told_by_its_own_fields_alone() -> None:
    spec = {"language": "de", "model": {"name": "two words"}}
    [error] = _refusal(spec, TransferWithFilesFields).errors
    assert "`model.name` may hold" in error["message"]


def test_what_is_no_json_or_no_object_says_how_to_send_it() -> None:
    assert "not valid" in _refusal("{'input': 'a'}", PredictionRequest).message
    assert "content-type: application/json" in _refusal("[]", PredictionRequest).advice


def test_many_faults_are_counted_and_kept_as_data() -> None:
    refusal = _refusal(_TRANSFER | {f"x{n}": 1 for n in range(8)}, TransferFields)
    assert len(refusal.errors) == 8
    assert "3 more field(s) are at fault." in refusal.message


def test_parameters_of_a_method_are_explained_alike() -> None:
    schema = method_named("fine-tune").parameters
    with pytest.raises(ValidationError) as refused:
        schema.model_validate({"strategy": "adaptor", "epoch": 3})
    refusal = ParametersInvalid("fine-tune", explain_fields(refused.value.errors(), schema))
    assert "`adaptor` is none of the choices of `strategy`." in refusal.message
    assert "Send `epochs` instead." in refusal.advice
