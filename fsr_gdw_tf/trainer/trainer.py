"""Base class with fit, evaluate and predict for any kind of data."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.callbacks.dictionary import RefreshDictionary
from fsr_gdw_tf.callbacks.method_progress import MethodProgress
from fsr_gdw_tf.data import data_adapter
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.distribution import input_shards, step_loop
from fsr_gdw_tf.trainer.train_step import TrainStep


class Trainer(TrainStep):
    """Keras' training loop on arrays, sources and datasets, on all replicas."""

    length_known = True  # whether the number of steps is known in advance

    @property
    def replicas(self) -> int:
        """The number of replicas that train together."""
        return self.distribute_strategy.num_replicas_in_sync

    def make_train_function(self, force: bool = False) -> None:
        """Build the function that Keras calls: steps, then their metrics."""
        if self.train_function is None or force:
            self.train_function = step_loop.make_step_loop(
                self,
                self.train_step,
                lambda: step_loop.steps_of_execution(self),
                lambda: self.eval_metrics[:2],
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
        pipeline: InputPipeline | None = None,
        meta: Any = None,
        meta_in_training: bool = False,
        seed: int = 0,
        initial_step: int = 0,
        **kwargs,
    ) -> keras.callbacks.History:
        """Train on arrays, on a `Source`, or on a tf.data dataset.

        pipeline: how examples become batches; None is one with `batch_size` and
            `seed`.
        meta: a clean set for methods that learn from one, a `Source` or a pair
            of arrays.
        meta_in_training: whether to train on the clean set as well.
        initial_step: the step at which the first epoch is resumed.

        All other arguments are those of Keras.
        """
        x, y = data_adapter.split_validation(x, y, kwargs)
        x, meta = data_adapter.adapt(
            x, y, meta, meta_in_training, self.method, self.classes
        )
        pipeline = data_adapter.make_pipeline(
            x, pipeline, batch_size, seed, kwargs, self.replicas
        )
        self._set_validation(pipeline, kwargs)
        source = x if isinstance(x, Source) else None
        self.setup(source, pipeline)
        start = kwargs.get("initial_epoch", 0), initial_step
        x = self._train_data(x, pipeline, epochs, start, meta, kwargs)
        callbacks = self._method_callbacks(source, meta, start[0])
        kwargs["callbacks"] = callbacks + list(kwargs.get("callbacks") or ())
        kwargs["shuffle"] = False  # the pipeline shuffles
        return super().fit(x, epochs=epochs, **kwargs)

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
                return self._checked(
                    pipeline.train(x, epochs, start[0], meta, start[1], shard)
                )
        else:
            data_adapter.require_start_of_epoch(start[1])
            dataset = self._checked(x)
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

    def _checked(self, dataset) -> tf.data.Dataset:
        shape = self.features.inputs[0].shape
        return data_adapter.checked(dataset, shape, self.classes)

    def _method_callbacks(
        self, source: Source | None, clean: Source | None, first_epoch: int
    ) -> list[keras.callbacks.Callback]:
        progress = MethodProgress(source, clean)
        dictionary = self.method.dictionary
        if dictionary is None:
            return [progress]
        return [RefreshDictionary(dictionary, source, first_epoch), progress]

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        *,
        pipeline: InputPipeline | None = None,
        **kwargs,
    ) -> list[float] | dict[str, float]:
        """Return loss and metrics on arrays, a `Source`, or a dataset."""
        # The dataset that Keras caches in `fit` counts executions, not steps.
        if not kwargs.pop("_use_cached_eval_dataset", False):
            x = data_adapter.as_source(x, y, self.classes)
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

    def _outputs(self, probs):
        """Return the outputs of the user's network for class probabilities."""
        return probs[:, 1:] if self.single_output else probs

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
        x = data_adapter.as_unlabelled(x, self.classes)
        if not isinstance(x, Source):
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
        x = data_adapter.as_source(x, None, self.classes)
        if not isinstance(x, Source):
            return self._checked(x), None

        def make(shard):
            dataset = self._checked(pipeline.test(x, shard))
            if not with_rows:
                return dataset
            return dataset.map(lambda b: b | {"row": b["index"]})

        # Keras would count the batches of all replicas.
        steps = pipeline.test_steps(x, self.replicas)
        data = input_shards.distribute_dataset(self.distribute_strategy, make)
        return data, steps
