"""The closed vocabularies of the service, and which kinds of rows a role and a task take.

Each value is what the API and the tables show.
"""

from __future__ import annotations

from enum import StrEnum


class Task(StrEnum):
    """What a model answers."""

    TEXT_CLASSIFICATION = "text-classification"  # one label for a text
    MULTI_LABEL_CLASSIFICATION = "multi-label-classification"  # any number of labels for a text
    TOKEN_CLASSIFICATION = "token-classification"  # a tag for each word
    IMAGE_CLASSIFICATION = "image-classification"
    FEATURE_EXTRACTION = "feature-extraction"  # a plain text encoder without a head


class Format(StrEnum):
    """How a model's file is laid out."""

    HUGGINGFACE = "huggingface"
    DECLARED_NETWORK = "declared_network"
    ONNX = "onnx"
    WORD_VECTORS = "word_vectors"


class ModelStatus(StrEnum):
    """Whether a model passed validation."""

    READY = "ready"
    REJECTED = "rejected"


DatasetStatus = ModelStatus


class DatasetKind(StrEnum):
    """What one row of a dataset is."""

    LABELLED = "labelled"  # a text and its label
    MULTI_LABELLED = "multi_labelled"  # a text and any number of labels
    TOKENS = "tokens"  # the words of a sentence, each with a tag
    UNLABELLED = "unlabelled"  # a text
    PARALLEL = "parallel"  # a sentence and its translation
    DICTIONARY = "dictionary"  # a word and its translation
    IMAGES = "images"  # an image and its label


class Role(StrEnum):
    """What a dataset is for in a transfer."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    SOURCE = "source"
    SOURCE_TEST = "source_test"
    UNLABELLED = "unlabelled"  # target-language inputs without labels
    SOURCE_UNLABELLED = "source_unlabelled"  # source-language inputs without labels
    PARALLEL = "parallel"  # sentence pairs, source to target
    DICTIONARY = "dictionary"  # word pairs, source to target


class AuxiliaryModelUse(StrEnum):
    """Whether a method works with a second model beside the source model."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class EvaluationKind(StrEnum):
    """Whose predictions an evaluation scores, and on which language's rows."""

    TRANSFERRED = "transferred"
    SOURCE_MODEL = "source-model"  # untouched, on the target test rows
    TFIDF = "tfidf"  # baseline: character n-grams + logistic regression on the same labels
    WORD_FEATURES = "word-features"  # baseline for tags: words, characters, neighbours, the same
    LINEAR_PROBE = "linear-probe"  # baseline: the frozen encoder + logistic regression, the same
    MAJORITY = "majority"  # baseline: always the most frequent training label
    CHANCE = "chance"  # baseline: labels drawn at random, as often as they are in training
    SOURCE_BEFORE = "source-before"  # the source model on the source test rows
    SOURCE_AFTER = "source-after"  # the transferred model on the source test rows


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
