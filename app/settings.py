"""One frozen Settings, read from the environment (prefix `BABELPORT_`) and grouped by topic."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LogFormat = Literal["auto", "json", "text"]


class Settings(BaseSettings):
    """Every knob of the service; sizes in bytes, times in seconds."""

    model_config = SettingsConfigDict(env_prefix="BABELPORT_", frozen=True, extra="ignore")

    # Where things lie
    data_dir: Path = Path("var")
    database_url: str = ""
    # Connections of one process to the database at most, and how long one of them is waited for
    database_connections: int = Field(15, ge=2)
    database_wait_seconds: float = Field(2.0, gt=0)
    # Artifacts: below data_dir, or s3://BUCKET/PREFIX with the usual AWS_ variables; the endpoint
    # is the address of a store that is not Amazon's
    artifacts_url: str = ""
    artifacts_endpoint: str = ""
    # What a machine keeps at hand of artifacts in a bucket
    artifacts_cache_bytes: int = Field(16 * 1024**3, ge=0)
    # Uploads that would leave less on the disk of data_dir are refused
    min_free_bytes: int = Field(512 * 1024**2, ge=0)
    # Stored bytes without a record are deleted at this age
    collect_after_seconds: float = Field(3600.0, ge=0)

    # The API
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=1, le=65535)
    # The Open Inference Protocol over gRPC, on the same address; 0: not at all
    grpc_port: int = Field(0, ge=0, le=65535)
    max_upload_bytes: int = 4 * 1024**3
    max_predict_inputs: int = 256
    max_predict_body_bytes: int = 64 * 1024**2

    # Logs: `auto` is text on a terminal and lines of JSON elsewhere
    log_format: LogFormat = "auto"
    # A line for each request to the API, probes that succeed excepted
    access_log: bool = True

    # Reading uploads in a child process
    inspection_seconds: float = 120.0
    inspection_memory_bytes: int = 12 * 1024**3
    max_unpacked_bytes: int = 8 * 1024**3
    max_archive_members: int = 200_000

    # The worker
    lease_seconds: float = 15.0
    poll_seconds: float = 0.2
    # Transfers at once: for each GPU, or where there is none in all
    gpu_slots: int = Field(1, ge=1)
    cpu_slots: int = Field(1, ge=1)
    # A cancelled child may take so long to end; one that is paused or drained, so long to save.
    # An API that is stopped answers the requests at work for as long
    stop_grace_seconds: float = 1.0
    drain_seconds: float = Field(30.0, ge=0)
    # How long the database may be unreachable before a running job is given up
    database_patience_seconds: float = Field(120.0, ge=0)
    # Attempts that may be lost (worker or process gone, memory too short) before it has failed
    max_attempts: int = Field(3, ge=1)
    # Between two saves of a training's state, at least; more where saving takes long
    checkpoint_seconds: float = Field(30.0, ge=0)

    # Rows of a batch prediction that are answered and kept together; the next attempt goes on after
    # the last such part
    batch_part_rows: int = Field(1024, ge=1)

    # Whether slots without a transfer compile models for serving, and how much of its primary
    # metric measure (accuracy, F1) a model may lose by computing in int8 or bfloat16
    compile_models: bool = True
    int8_tolerance: float = Field(0.005, ge=0, le=1)

    # Where transfers run: children of the worker, or tasks of a Ray cluster with these needs each;
    # several Ray workers share the batches of one training. `data_dir` must then be a full path:
    # of a folder on each machine where artifacts are in a bucket, else of one that all share.
    engine: Literal["local", "ray"] = "local"
    ray_address: str = "auto"
    ray_cpus: float = Field(1.0, ge=0)
    ray_gpus: float = Field(0.0, ge=0)
    ray_workers: int = Field(1, ge=1)
    # Transfers that one worker of ours has at Ray at once, those included that wait there
    ray_slots: int = Field(1, ge=1)

    # Advice on a finished transfer: the most that it may take; 0 gives none
    advice_seconds: float = Field(120.0, ge=0)

    # Sentence vectors that transfers share
    vector_cache_bytes: int = 2 * 1024**3

    # Live traffic: the share of answered inputs that is counted by language, length, label and
    # confidence; 0 counts none
    drift_sample: float = Field(0.1, ge=0, le=1)
    # Whether texts that users send may be kept, a few of each model and day, and those on which a
    # model and its shadow differ; never by default
    record_texts: bool = False

    # How many days what transfers leave is kept after they ended; 0 keeps it for ever
    keep_events_days: float = Field(180.0, ge=0)
    keep_attempts_days: float = Field(90.0, ge=0)  # those that did not succeed, and all logs
    keep_traffic_days: float = Field(90.0, ge=0)  # counts of what live inputs were like
    keep_predictions_days: float = Field(365.0, ge=0)  # the per-row predictions of evaluations
    keep_batch_predictions_days: float = Field(365.0, ge=0)  # the results of batch predictions
    keep_tenants_days: float = Field(30.0, ge=0)  # whose turn it was, of tenants without a transfer
    # Within these days the same request gets the same answer
    keep_idempotency_keys_days: float = Field(2.0, ge=1)

    # Serving. Models in memory: the one used longest ago goes when they are more than so many bytes
    model_memory_bytes: int = Field(4 * 1024**3, ge=0)
    # What computes: what was compiled where there is something (auto), or one of them always;
    # and whether precision may be lowered where a check on the model's evaluation set passed
    serving_engine: Literal["auto", "torch", "onnxruntime", "openvino"] = "auto"
    serving_precision: Literal["auto", "float32"] = "auto"
    # A batch has at most so many tokens with padding; 0 is 1024 on CPUs and 16384 on a GPU
    batch_tokens: int = Field(0, ge=0)
    # What has waited so long is in the next batch, whatever its length
    batch_age_seconds: float = Field(0.1, ge=0)
    # So many inputs may wait, and no more than are answered in so many seconds; the rest is
    # refused with 429
    max_waiting_inputs: int = Field(512, ge=1)
    max_waiting_seconds: float = Field(2.0, gt=0)
    # So long an API goes on with what a reference such as intents@champion meant, where another
    # process gave it another meaning; 0 asks the database for each request
    reference_seconds: float = Field(1.0, ge=0)
    # What the predictor process has not answered in so many seconds is given up; loading included
    predictor_seconds: float = Field(120.0, gt=0)
    # Requests that shadows answer at once; of what comes meanwhile they are not asked
    max_shadow_requests: int = Field(4, ge=0)

    @property
    def url(self) -> str:
        """The database URL; an embedded SQLite under `data_dir` unless one is set."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'babelport.sqlite').resolve()}"

    def environment(self) -> dict[str, str]:
        """The variables from which another process reads these very settings."""
        prefix = self.model_config["env_prefix"]
        values = self.model_dump(mode="json")
        return {f"{prefix}{name.upper()}": str(value) for name, value in values.items()}


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
