"""What the service counts, in the text format of Prometheus."""

from collections.abc import Callable
from typing import final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from tushuo.captioning.captioner import CaptionerInfo

MEDIA_TYPE = CONTENT_TYPE_LATEST
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
PICTURES = (1, 2, 4, 8, 16, 32, 64)


@final
class Metrics:
    """The metrics of one service, in a registry of its own.

    Attributes:
        requests: by route, method and status.
        refused: by code of the problem; pictures of a request that has several count one each.
        left: requests whose client left before the answer.
        seconds: from the head of a request to the end of its answer, by route.
        pictures: pictures that were captioned.
        batch: pictures of each batch.
        waited: seconds that each picture waited for the model.
        model: seconds that the model took for each batch.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        name = "tushuo_{}".format
        labels = ("route", "method", "status")
        self.requests = Counter(name("requests"), "Requests answered.", labels, registry=registry)
        self.refused = Counter(name("problems"), "Problems by code.", ("code",), registry=registry)
        self.left = Counter(name("clients_left"), "Clients that left early.", registry=registry)
        self.pictures = Counter(name("pictures"), "Pictures captioned.", registry=registry)
        self.seconds = Histogram(
            name("request_seconds"), "Time of requests.", ("route",), buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self.batch = Histogram(
            name("batch_pictures"), "Pictures of a batch.", buckets=PICTURES, registry=registry
        )
        self.waited = Histogram(
            name("queue_seconds"), "Time of a picture in the queue.", buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self.model = Histogram(
            name("model_seconds"), "Time of a batch in the model.", buckets=SECONDS,
            registry=registry,
        )  # fmt: skip

    def watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Add a gauge, whose value is read when metrics are."""
        Gauge(f"tushuo_{name}", meaning, registry=self._registry).set_function(value)

    def on_batch(self, waited: list[float], seconds: float) -> None:
        """Count a batch that the model has captioned."""
        self.batch.observe(len(waited))
        self.model.observe(seconds)
        for one in waited:
            self.waited.observe(one)

    def on_model(self, info: CaptionerInfo, model_id: str) -> None:
        """Add the model that is loaded."""
        labels = {"model": model_id, "language": info.language, "weights": info.weights}
        gauge = Gauge("tushuo_model_info", "The model.", [*labels], registry=self._registry)
        gauge.labels(**labels).set(1)

    def text(self) -> bytes:
        """Return all metrics."""
        return generate_latest(self._registry)
