"""Refusals name what lacks and what to send, in the words of the request."""

from __future__ import annotations

from typing import cast

import pytest

from app.api.forms import FormParts
from app.api.routes.transfers import transfer_files
from app.api.schemas.transfers import TransferWithFilesFields
from app.domain.enums import DatasetKind, Role, Task
from app.domain.errors.predictions import TooManyWindows
from app.domain.errors.requests import PartMissing
from app.domain.errors.transfers import KindUnfit, NoRoleOf, RolesInvalid
from app.services.context import Context


@pytest.mark.parametrize(
    ("part", "instead"), [("model", '"model": "intents"'), ("train", '{"train": "dst_..."}')]
)
def test_a_reference_sent_as_a_part_is_shown_its_place_in_the_specification(
    part: str, instead: str
) -> None:
    """A dataset's was passed over in silence, as if there were none."""
    form = FormParts({"spec": "{}", part: "intents"}, {})
    with pytest.raises(PartMissing, match="is a text, not a file") as refused:
        transfer_files(form, TransferWithFilesFields(language="de"), cast(Context, None))
    assert f"-F {part}=@FILE" in refused.value.advice
    assert instead in refused.value.advice


def test_a_missing_role_is_named_as_a_role_and_shown_in_its_place() -> None:
    refusal = RolesInvalid("self-train", [Role.UNLABELLED], [])
    assert refusal.message == "self-train needs a dataset in the role `unlabelled`."
    assert 'Add it to `datasets`: {"unlabelled": "dst_..."}' in refusal.advice
    unread = RolesInvalid("fine-tune", [], [Role.SOURCE])
    assert unread.message == "fine-tune does not read the role `source`."
    assert "Leave `source` out." in unread.advice
    one = NoRoleOf("bridge", [Role.PARALLEL, Role.UNLABELLED])
    assert "at least one of the roles `parallel`, `unlabelled`" in one.message


def test_an_unfit_kind_is_answered_with_the_kinds_that_fit() -> None:
    fitting = [DatasetKind.LABELLED]
    refusal = KindUnfit(Role.TRAIN, DatasetKind.UNLABELLED, Task.TEXT_CLASSIFICATION, fitting)
    assert "`labelled`" in refusal.advice
    assert refusal.fields["fitting"] == ["labelled"]


def test_windows_of_one_text_and_of_a_request_are_refused_by_what_helps() -> None:
    of_text = TooManyWindows(0, 65, 64, of_text=True)
    assert "more than 64 windows, the most that a text may have" in of_text.message
    assert "Cut it" in of_text.advice
    assert "fewer texts" not in of_text.advice
    assert "fewer texts" in TooManyWindows(3, 300, 256, of_text=False).advice
