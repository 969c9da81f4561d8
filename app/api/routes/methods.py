"""Methods over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import error_examples as examples
from app.api.errors import responses
from app.api.schemas.methods import MethodAnswer, method_answer
from app.api.schemas.records import ListAnswer
from app.methods.contract import method_named, methods

router = APIRouter(prefix="/v1/methods", tags=["methods"])


@router.get("", response_model=ListAnswer[MethodAnswer])
def list_methods() -> ListAnswer[MethodAnswer]:
    """List the methods with their parameters, the roles they need and the formats they take."""
    return ListAnswer(items=[method_answer(spec) for spec in methods()])


@router.get("/{method}", response_model=MethodAnswer, responses=responses(examples.NO_METHOD))
def get_method(method: str) -> MethodAnswer:
    """Read one method."""
    return method_answer(method_named(method))
