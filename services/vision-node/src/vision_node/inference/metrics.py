"""What models cost, scraped at `/metrics`."""

from typing import Final

from prometheus_client import Histogram

MODEL_SECONDS: Final = Histogram(
    "vision_model_duration_seconds",
    "Time of one run of a model, however many pictures it held.",
    ["model"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
MODEL_PICTURES: Final = Histogram(
    "vision_model_batch_pictures",
    "Pictures in one run of a model.",
    ["model"],
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
