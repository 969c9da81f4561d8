"""One example of each error that the description of a route names."""

from __future__ import annotations

from app.domain.enums import DatasetKind, Role, Task
from app.domain.errors.dataset_files import ColumnMissing
from app.domain.errors.methods import MethodUnknown
from app.domain.errors.model_files import (
    ExportBusy,
    ExportFailed,
    ExportUnsupported,
    FormatRunsCode,
    LanguageNotInBridge,
    ModulesUnsupported,
)
from app.domain.errors.model_formats import (
    LanguageNotInModel,
    NoWordVectors,
    WidthsDiffer,
    WordsUnknown,
)
from app.domain.errors.predictions import (
    AnswerNotFinite,
    BatchPredictionNotFound,
    BatchPredictionNotOver,
    DeadlinePassed,
    InferenceRequestInvalid,
    ModelCannotPredict,
    ModelNotLoaded,
    ModelsMemoryFull,
    NeededByBatchPredictions,
    NothingToPredict,
    OutputUnknown,
    PredictionInputsGone,
    PredictorSilent,
    PredictorStopped,
    QueueFull,
    RowsUnfit,
    TensorInvalid,
    TimeoutUnusable,
    TooManyInputs,
    TooManyWindows,
    UnusableInput,
    WindowUnusable,
)
from app.domain.errors.requests import (
    AliasChanged,
    AliasInputsGone,
    AliasNotFound,
    AliasOfAnotherName,
    CursorUnknown,
    DatasetNotFound,
    EvaluationNotFound,
    KeyReused,
    LanguageUnknown,
    ModelNotFound,
    ModelsNotAlike,
    NeededByAlias,
    NotRecorded,
    PartMissing,
    RequestInvalid,
    UploadMalformed,
    UploadTooLarge,
)
from app.domain.errors.service import (
    ArtifactMissing,
    ComponentCheck,
    DatabaseBusy,
    DatabaseUnreachable,
    DiskFull,
    NotReady,
)
from app.domain.errors.transfers import (
    KindUnfit,
    NeededByTransfers,
    ParametersInvalid,
    RecordRejected,
    RolesInvalid,
    TooFewRows,
    TransferActionNotAllowed,
    TransferInputsGone,
    TransferNotFound,
)
from app.domain.invalid_fields import DESCRIBED

_MODEL, _DATASET = "mdl_9f2c41d07b3e6a58", "dst_1c0f5a7d2b9e4c36"
_TRANSFER, _BATCH = "trf_5b7d2f0c9a1e4836", "bpr_0a8c6e4f2b1d7395"
NO_MODEL = ModelNotFound("intents@9")
NO_DATASET = DatasetNotFound(_DATASET)
NO_TRANSFER = TransferNotFound(_TRANSFER)
NO_EVALUATION = EvaluationNotFound("evl_3d9b7f1c5a2e8046")
NO_BATCH = BatchPredictionNotFound(_BATCH)
NO_ALIAS = AliasNotFound("intents", "champion")
NO_METHOD = MethodUnknown("finetune", ("fine-tune", "joint"))
NO_ARTIFACT = NotRecorded("artifact", _MODEL, "A rejected model keeps its record, not its file.")
NO_SPLIT = NotRecorded("split", _TRANSFER, "Ask again when the transfer has succeeded.")
NO_PREDICTIONS = NotRecorded(
    "table of predictions", "evl_3d9b7f1c5a2e8046", "Ask for another evaluation's."
)
NO_RESULTS = NotRecorded(
    "file of results", _BATCH, "It is running; only what has succeeded has results."
)
BYTES_LOST = ArtifactMissing("9" * 64)
NO_EXPORT = ExportUnsupported("places", "it is a huggingface model for token-classification")
NO_MODULES = ModulesUnsupported("intents-sw", "its head is more than one linear layer")
NO_SHIFT = LanguageNotInBridge("intents-sw", "de", ["en", "sw"])
EXPORT_FAILED = ExportFailed("intents", "an operator has no counterpart in ONNX")
EXPORT_BUSY = ExportBusy(30)
BAD_REQUEST = RequestInvalid(
    [
        {
            "field": "query.limit",
            "message": "`limit`: Input should be a valid integer.",
            "advice": DESCRIBED,
        }
    ]
)
BAD_CURSOR = CursorUnknown("page-2")
BAD_LANGUAGE = LanguageUnknown("german", "de")
BAD_TIMEOUT = TimeoutUnusable("soon")
KEY_REUSED = KeyReused("a-key-of-yours")
UPLOAD_TOO_LARGE = UploadTooLarge(4 * 1024**3)
UPLOAD_MALFORMED = UploadMalformed("it ends before its last boundary")
PART_MISSING = PartMissing("file", ["language"])
NO_SPACE = DiskFull(2 * 1024**3, 1024**3)
MODEL_REJECTED = FormatRunsCode("model.pt", "a pickle")
DATASET_REJECTED = ColumnMissing({"label": None}, ("text", "Thema"), ("text",))
MODEL_NEEDED = NeededByTransfers(_MODEL, [_TRANSFER])
MODEL_NEEDED_BY_ALIAS = NeededByAlias(_MODEL, ["intents@champion"])
MODEL_NEEDED_BY_BATCH = NeededByBatchPredictions(_MODEL, [_BATCH])
DATASET_NEEDED = NeededByTransfers(_DATASET, [_TRANSFER])
RECORD_REJECTED = RecordRejected(_MODEL)
PARAMETERS_INVALID = ParametersInvalid(
    "fine-tune",
    [
        {
            "field": "strategy",
            "message": "`adapter` is none of the choices of `strategy`.",
            "advice": "Send one of: full, lora, head.",
        }
    ],
)
ROLES_INVALID = RolesInvalid("fine-tune", [Role.TRAIN], [])
KIND_UNFIT = KindUnfit(
    Role.TRAIN, DatasetKind.IMAGES, Task.TEXT_CLASSIFICATION, [DatasetKind.LABELLED]
)
TOO_FEW_ROWS = TooFewRows(2, 3, "training, with 2 split off, needs")
INPUTS_GONE = TransferInputsGone([_DATASET])
ACTION_NOT_ALLOWED = TransferActionNotAllowed(_TRANSFER, "succeeded", "retry")
ROWS_UNFIT = RowsUnfit(DatasetKind.PARALLEL, Task.TEXT_CLASSIFICATION)
PREDICTION_INPUTS_GONE = PredictionInputsGone([_DATASET])
BATCH_NOT_OVER = BatchPredictionNotOver(_BATCH, "running")
ALIAS_CHANGED = AliasChanged("intents", "champion", 4)
ALIAS_INPUTS_GONE = AliasInputsGone([_MODEL])
ALIAS_OF_ANOTHER_NAME = AliasOfAnotherName("intents", "topics@2")
MODELS_NOT_ALIKE = ModelsNotAlike("shadow", "topics@2", "intents@3", "it takes other inputs")
CANNOT_PREDICT = ModelCannotPredict(
    "encoder", "it is a plain encoder without labels", "Start a transfer from it to train a head."
)
NOT_FINITE = AnswerNotFinite("intents", ["inputs[0]"])
MEMORY_FULL = ModelsMemoryFull("intents", 5 * 1024**3, 4 * 1024**3)
NO_INPUTS = NothingToPredict()
INPUT_UNUSABLE = UnusableInput(0, "is empty", "Leave empty texts out of the request.")
TOO_MANY_INPUTS = TooManyInputs(300, 256)
TOO_MANY_WINDOWS = TooManyWindows(0, 65, 64, of_text=True)
WINDOW_UNUSABLE = WindowUnusable("token-classification")
QUEUE_FULL = QueueFull(300, 256, 2)
NOT_LOADED = ModelNotLoaded("intents", "artifact-corrupted")
STOPPED = PredictorStopped()
SILENT = PredictorSilent(120.0)
TOO_LATE = DeadlinePassed()
NO_VECTORS = NoWordVectors("intents")
NO_WORDS = WordsUnknown("vectors", ["Wodr"])
NO_SUCH_LANGUAGE = LanguageNotInModel("vectors", "sw", ["en", "de"])
WIDTHS_DIFFER = WidthsDiffer(300, 100)
DATABASE_BUSY = DatabaseBusy()
DATABASE_UNREACHABLE = DatabaseUnreachable("OperationalError")
NOT_READY = NotReady([ComponentCheck("database", False, "OperationalError")])
INFERENCE_INVALID = InferenceRequestInvalid("has no input tensor", "Send one under `inputs`.")
TENSOR_INVALID = TensorInvalid("text", "has 3 elements for a shape of 2", "Make both the same.")
OUTPUT_UNKNOWN = OutputUnknown("logits", ["label", "probabilities"])
