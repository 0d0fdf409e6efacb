"""Fit, evaluate and predict for any kind of data."""

import dataclasses
from typing import Any

import keras
import numpy as np

from fsr_gdw_tf.callbacks.dictionary import RefreshDictionary
from fsr_gdw_tf.callbacks.method_progress import MethodProgress
from fsr_gdw_tf.callbacks.progress_bar import ProgressBar
from fsr_gdw_tf.data import data_adapter
from fsr_gdw_tf.data.data_adapter import NetworkInputs
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.preprocessing import preprocess_unlabelled
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution import input_shards, step_loop
from fsr_gdw_tf.networks.split import input_structure
from fsr_gdw_tf.trainer.train_step import TrainStep


class Trainer(TrainStep):
    """Keras' training loop on arrays, sources and datasets, on all replicas."""

    length_known = True  # whether the number of steps is known in advance
    preprocessor = None  # what maps the user's inputs to the network's

    @property
    def replicas(self) -> int:
        """The number of replicas that train together."""
        return self.distribute_strategy.num_replicas_in_sync

    @property
    def network_inputs(self) -> NetworkInputs:
        """Return what describes and prepares inputs of the network."""
        structure = input_structure(self.features)
        return NetworkInputs(structure, self.classes, self.preprocessor)

    def make_train_function(self, force: bool = False) -> None:
        """Build the function that Keras calls: steps, then their metrics."""
        if self.train_function is None or force:
            self.train_function = step_loop.make_step_loop(
                self,
                self.train_step,
                lambda: step_loop.steps_of_execution(self),
                lambda: self.train_metrics,
            )

    def make_test_function(self, force: bool = False) -> None:
        """Build the function of a test step, with metrics of all replicas."""
        if self.test_function is None or force:
            self.test_function = step_loop.make_step_loop(
                self, self.test_step, lambda: 1, lambda: self.eval_metrics
            )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        *,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        pipeline: InputPipeline | None = None,
        meta: Any = None,
        meta_in_training: bool = False,
        seed: int = 0,
        initial_step: int = 0,
        **kwargs,
    ) -> keras.callbacks.History:
        """Train on arrays, on a `Source`, or on a tf.data dataset.

        sample_weight, class_weight: factors of the loss of an example and of
            those with a label; both can be given. They multiply the loss of
            the step that moves the network, after the method has chosen its
            own weights, which do not depend on them. (A dictionary takes
            examples of weight zero last.)
        pipeline: how examples become batches; None is one with `batch_size` and
            `seed`.
        meta: a clean set for methods that learn from one, a `Source` or a pair
            of arrays.
        meta_in_training: whether to train on the clean set as well.
        initial_step: the step at which the first epoch is resumed.

        All other arguments are those of Keras.
        """
        data = x, y, sample_weight
        x, meta = self._adapt(
            data, class_weight, meta, meta_in_training, kwargs
        )
        pipeline = data_adapter.make_pipeline(
            x, pipeline, batch_size, seed, kwargs, self.replicas
        )
        self._set_validation(pipeline, kwargs)
        source = x if isinstance(x, Source) else None
        self.setup(source, pipeline)
        start = kwargs.get("initial_epoch", 0), initial_step
        x = self._train_data(x, pipeline, epochs, start, meta, kwargs)
        self._add_callbacks(source, meta, start[0], kwargs)
        return super().fit(x, epochs=epochs, shuffle=False, **kwargs)

    def _adapt(
        self, data: tuple, class_weight, meta, meta_in_training, kwargs
    ) -> tuple[Any, Source | None]:
        """Return (training data, clean meta set), arrays as sources."""
        network = self.network_inputs
        data = data_adapter.split_validation(data, kwargs, network)
        self.keep_label_form(*data[:2])
        x = data_adapter.as_source(*data[:2], network, data[2])
        x = data_adapter.with_class_weights(x, class_weight, network)
        return data_adapter.adapt(
            x, meta, meta_in_training, self.method, network
        )

    def _set_validation(self, pipeline: InputPipeline, kwargs: dict) -> None:
        """Replace Keras' validation arguments by a distributed dataset."""
        data = kwargs.get("validation_data")
        size = kwargs.pop("validation_batch_size", None)
        if data is None:
            return
        if size is not None:
            pipeline = dataclasses.replace(pipeline, batch_size=size)
        data, steps = self._test_data(data, pipeline)
        kwargs["validation_data"] = data
        kwargs.setdefault("validation_steps", steps)

    def _train_data(self, x, pipeline, epochs, start, meta, kwargs):
        """Return distributed batches; set the step and the number of steps."""
        if isinstance(x, Source):
            data_adapter.require_meta(self.method, meta is not None)
            kwargs["steps_per_epoch"] = pipeline.steps(x)
            meta = meta if self.method.meta_in_batches else None

            def make(shard):
                data = pipeline.train(
                    x, epochs, start[0], meta, start[1], shard
                )
                return data_adapter.checked(
                    data, self.network_inputs, raw=False
                )
        else:
            data_adapter.require_start_of_epoch(start[1])
            dataset = data_adapter.checked(x, self.network_inputs)
            data_adapter.require_meta(
                self.method, "meta_inputs" in dataset.element_spec
            )

            def make(shard):
                return input_shards.split_batches(dataset, shard)

        steps = kwargs.get("steps_per_epoch")
        if steps is None and self.replicas == 1:
            steps = int(x.cardinality())
        self.step.assign(start[1])
        self.steps.assign(max(steps or 0, 0))
        self.length_known = bool(self.steps > 0)
        return input_shards.distribute_dataset(self.distribute_strategy, make)

    def _add_callbacks(
        self,
        source: Source | None,
        clean: Source | None,
        first_epoch: int,
        kwargs: dict,
    ) -> None:
        """Put what methods need around epochs before the user's callbacks."""
        own, dictionary = (
            [MethodProgress(source, clean)],
            self.method.dictionary,
        )
        if dictionary is not None:
            own.insert(0, RefreshDictionary(dictionary, source, first_epoch))
        given = kwargs.get("callbacks") or ()
        if isinstance(given, keras.callbacks.Callback):
            given = [given]
        bars = [
            c for c in given if isinstance(c, keras.callbacks.ProgbarLogger)
        ]
        if kwargs.get("verbose", "auto") and not bars:
            bars = [ProgressBar(m.name for m in self.all_users_metrics)]
            given = [*given, *bars]  # all others add to the numbers it shows
        kwargs["callbacks"] = [*own, *given]

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        sample_weight: Any = None,
        pipeline: InputPipeline | None = None,
        **kwargs,
    ) -> list[float] | dict[str, float]:
        """Return loss and metrics on arrays, a `Source`, or a dataset.

        sample_weight: factors of the loss, and weights of `weighted_metrics`.
        """
        # The dataset that Keras caches in `fit` counts executions, not steps.
        if not kwargs.pop("_use_cached_eval_dataset", False):
            self.keep_label_form(x, y)
            x = data_adapter.as_source(x, y, self.network_inputs, sample_weight)
            pipeline = data_adapter.make_pipeline(
                x, pipeline, batch_size, 0, kwargs, self.replicas
            )
            x, steps = self._test_data(x, pipeline)
            kwargs.setdefault("steps", steps)
        before = self.steps_per_execution, self.length_known
        self.steps_per_execution = 1
        self.length_known = kwargs.get("steps") is not None
        try:
            return super().evaluate(x, **kwargs)
        finally:
            self.steps_per_execution, self.length_known = before

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        *,
        pipeline: InputPipeline | None = None,
        **kwargs,
    ) -> np.ndarray:
        """Return class probabilities of arrays, a `Source`, or a dataset.

        They are `[examples, classes]`; of a network with one output they are
        those of class 1, `[examples, 1]`.
        """
        return self._outputs(
            self.predict_probs(
                x, batch_size, verbose, pipeline=pipeline, **kwargs
            )
        )

    def predict_probs(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = 0,
        *,
        pipeline: InputPipeline | None = None,
        **kwargs,
    ) -> np.ndarray:
        """Return the probabilities of all classes, `[examples, classes]`."""
        kwargs["verbose"] = verbose
        x = data_adapter.as_unlabelled(x, self.network_inputs)
        if not isinstance(x, Source):
            x = preprocess_unlabelled(x, self.preprocessor)
            return super().predict(x, batch_size, **kwargs)
        pipeline = data_adapter.make_pipeline(
            x, pipeline, batch_size, 0, kwargs, self.replicas
        )
        data, steps = self._test_data(x, pipeline, with_rows=True)
        kwargs.setdefault("steps", steps)
        predicted = super().predict(data, **kwargs)
        # Row -1 is padding, and each host returns rows in its own order.
        valid = predicted["row"] >= 0
        order = np.argsort(predicted["row"][valid])
        return predicted["probs"][valid][order]

    def _test_data(self, x, pipeline: InputPipeline, with_rows: bool = False):
        """Return a distributed dataset, and its steps if they are known.

        With `with_rows` the batches have the row number of each example.
        """
        network = self.network_inputs
        x = data_adapter.as_source(x, None, network)
        if not isinstance(x, Source):
            return data_adapter.checked(x, network), None

        def make(shard):
            dataset = pipeline.test(x, shard)
            dataset = data_adapter.checked(dataset, network, raw=False)
            if not with_rows:
                return dataset
            return dataset.map(lambda b: b | {"row": b["index"]})

        # Keras would count the batches of all replicas.
        steps = pipeline.test_steps(x, self.replicas)
        data = input_shards.distribute_dataset(self.distribute_strategy, make)
        return data, steps
