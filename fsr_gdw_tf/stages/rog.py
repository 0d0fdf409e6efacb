"""RoG: a robust generative classifier on the features of a trained network.

Lee et al., "Robust Inference via Generative Classifiers for Handling Noisy
Labels", https://arxiv.org/abs/1901.11300. Linear discriminant analysis with
equal priors on each of the last layers; its means and its covariance, which all
classes share, are those of the examples nearest to the class means (an
approximate minimum covariance determinant). The shares of 0.7 (of a class) and
0.5 (trusted examples), the random start, the single step of concentration and
the mean over positions of a feature map are those of the authors' code.

Deviations: the authors find the weights of the layers with images of the test
set (1 % of it, half of them trusted), and test on the others. Here they are
found with training examples that are held out from the network's training, or
with the clean set (`uses_meta`), never with test images. They maximise the
likelihood by expectation maximisation, where the code takes 20 epochs of Adam.
Layers are the last activations of any network, where the code has the last
blocks of a ResNet. A covariance is divided by the number of all its examples;
the code divides it once per class. scikit-learn's MinCovDet is not used: it
estimates a covariance for each class, which takes more examples of a class than
features.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import gin
import keras
import numpy as np

from fsr_gdw_tf.data import InputPipeline, Source
from fsr_gdw_tf.data.label_overrides import listed_examples, write_list
from fsr_gdw_tf.data.source import require_all_classes
from fsr_gdw_tf.data.splits import stratified_sample
from fsr_gdw_tf.errors import INF, InvalidInput, require_range
from fsr_gdw_tf.io.network_files import load_network
from fsr_gdw_tf.networks.generative_head import generative_parts, layer_means
from fsr_gdw_tf.networks.split import Parts, split
from fsr_gdw_tf.stages.discriminant import (
    Discriminant,
    fit_robust,
    mixture_weights,
)
from fsr_gdw_tf.stages.stage import (
    Stage,
    StageInputs,
    setting,
    trained_network_path,
)


@gin.register
def rog(inputs: StageInputs, held_out: float = 0.1) -> Iterator[Stage]:
    """Plan: train what the recipe sets, then fit the head to its network.

    held_out: the share of each class's training examples that the network is
        not trained on; the weights of the layers are found with them.
    """
    require_range(1e-9, 1, held_out=held_out)
    source, lists = inputs.splits.train, inputs.folder / "lists"
    n = max(int(held_out * len(source)), 1)
    apart = stratified_sample(source.labels, n, inputs.seed)
    rest = np.setdiff1d(np.arange(len(source)), apart)
    write_list(lists / "train.csv", source, rest)
    write_list(lists / "held_out.csv", source, apart)
    params = [setting("CLEANED", lists / "train.csv")]
    network = yield Stage("network", params)
    path = trained_network_path(network)
    yield Stage(
        "head",
        [
            "Experiment.head=@RoG",
            setting("RoG.network", path),
            setting("RoG.held_out", lists / "held_out.csv"),
        ],
    )


@gin.register
class RoG:
    """Fits a generative head to a trained network.

    network: a Keras model, or the path of a saved one.
    layers: how many of the last activations have a classifier each, or the
        names of layers.
    kept: the share of each class that means and covariance are taken of.
    held_out: a list of training examples that the network was not trained on.
        They are not fitted to, the weights of the layers are found with them.
        None: with all training examples, which a network that has memorised
        them makes look too good.
    trusted: the share of these examples that is used, those that fit their
        label best.
    uses_meta: find the weights with the clean set instead.
    """

    def __init__(
        self,
        network: keras.Model | str | Path | None = None,
        layers: int | Sequence[str] = 3,
        kept: float = 0.7,
        held_out: str | Path | None = None,
        trusted: float = 0.5,
        uses_meta: bool = False,
        seed: int = 0,
    ):
        require_range(1e-9, 1 + 1e-9, kept=kept, trusted=trusted)
        if isinstance(layers, int):
            require_range(1, INF, layers=layers)
        if network is None:
            raise InvalidInput(
                "RoG needs a trained network; set RoG.network to the "
                "model.keras of a run, or train one with gin/methods/rog.gin"
            )
        self.network, self.layers = network, layers
        self.kept, self.trusted, self.held_out = kept, trusted, held_out
        self.uses_meta, self.seed = uses_meta, seed

    def fit(
        self,
        source: Source,
        clean: Source | None = None,
        pipeline: InputPipeline | None = None,
    ) -> Parts:
        """Return (features, head): `Classifier(*parts)` tests and predicts.

        source: the training examples, some of their labels wrong.
        clean: examples with right labels, for `uses_meta`.
        """
        if self.uses_meta and clean is None:
            raise InvalidInput(
                "RoG.uses_meta=True needs clean images; set META_PER_CLASS, or "
                "leave it out"
            )
        source, apart = self._without_held_out(source)
        require_all_classes(source, "the training set")
        pipeline = pipeline or InputPipeline(100)
        model = layer_means(self._features(), self.layers)
        values = _values(model, source, pipeline)
        rng = np.random.default_rng(self.seed)
        fitted = [fit_robust(x, source.labels, self.kept, rng) for x in values]
        apart = clean if self.uses_meta else apart
        if apart is not source:
            values = _values(model, apart, pipeline)
        weights = self._weights(fitted, values, apart.labels)
        return generative_parts(model, [d.linear() for d in fitted], weights)

    def _without_held_out(self, source: Source) -> tuple[Source, Source]:
        """Return the examples to fit to, and those to find weights with."""
        if self.held_out is None:
            return source, source
        apart = listed_examples(source, str(self.held_out))
        rest = np.setdiff1d(np.arange(len(source)), apart)
        return source.subset(rest), source.subset(apart)

    def _weights(
        self,
        fitted: list[Discriminant],
        values: list[np.ndarray],
        labels: np.ndarray,
    ) -> np.ndarray:
        """Return the weights of the layers; clean labels are all trusted."""
        distances = fitted[-1].distances(values[-1], labels)
        share = 1.0 if self.uses_meta else self.trusted
        n = max(int(len(labels) * share), 1)
        trusted = np.argsort(distances, kind="stable")[:n]
        own = labels[trusted]
        likelihoods = [
            d.probs(x[trusted])[np.arange(n), own]
            for d, x in zip(fitted, values, strict=True)
        ]
        return mixture_weights(np.stack(likelihoods))

    def _features(self) -> keras.layers.Layer:
        network = self.network
        if isinstance(network, (str, Path)):
            network = load_network(network)
        return split(network)[0]


def _values(
    model: keras.Model, source: Source, pipeline: InputPipeline
) -> list[np.ndarray]:
    """Return the outputs of a model for all examples, one array each."""
    batches = pipeline.test(source).map(lambda batch: batch["inputs"])
    values = model.predict(batches, verbose=0)
    return values if isinstance(values, list) else [values]
