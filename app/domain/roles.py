"""What each role of a dataset means for its language and the kind of its rows."""

from __future__ import annotations

from app.domain.enums import DatasetKind, Role, Task

LABELLED_ROLES = (Role.TRAIN, Role.VALIDATION, Role.TEST, Role.SOURCE, Role.SOURCE_TEST)
INPUT_ROLES = (Role.UNLABELLED, Role.SOURCE_UNLABELLED)
PAIR_KINDS = {
    Role.PARALLEL: DatasetKind.PARALLEL,
    Role.DICTIONARY: DatasetKind.DICTIONARY,
}
TEXT_KINDS = (DatasetKind.LABELLED, DatasetKind.MULTI_LABELLED, DatasetKind.TOKENS)
# What the head of a plain encoder learns from training rows of a kind.
TASK_BY_KIND = {
    DatasetKind.LABELLED: Task.TEXT_CLASSIFICATION,
    DatasetKind.MULTI_LABELLED: Task.MULTI_LABEL_CLASSIFICATION,
    DatasetKind.TOKENS: Task.TOKEN_CLASSIFICATION,
}
# The kinds of labelled rows that a model learns from; one label is a set of one.
KINDS_OF_TASKS = {
    Task.TEXT_CLASSIFICATION: (DatasetKind.LABELLED,),
    Task.MULTI_LABEL_CLASSIFICATION: (DatasetKind.MULTI_LABELLED, DatasetKind.LABELLED),
    Task.TOKEN_CLASSIFICATION: (DatasetKind.TOKENS,),
    Task.IMAGE_CLASSIFICATION: (DatasetKind.IMAGES,),
    Task.FEATURE_EXTRACTION: TEXT_KINDS,
}
# In the language of the model that is transferred; all other roles are in the target language.
SOURCE_ROLES = (Role.SOURCE, Role.SOURCE_TEST, Role.SOURCE_UNLABELLED)


def kind_by_role(role: Role) -> DatasetKind | None:
    """What a table that comes for `role` holds unless the user says otherwise; None: labels."""
    return DatasetKind.UNLABELLED if role in INPUT_ROLES else PAIR_KINDS.get(role)
