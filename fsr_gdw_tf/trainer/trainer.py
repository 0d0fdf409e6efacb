"""Fit, evaluate and predict for any kind of data."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fsr_gdw_tf.data import data_adapter, user_data
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.preprocessing import preprocess_unlabelled
from fsr_gdw_tf.data.source import Source
from fsr_gdw_tf.data.user_data import NetworkInputs, UserData
from fsr_gdw_tf.distribution import input_shards, step_loop
from fsr_gdw_tf.networks.split import input_structure
from fsr_gdw_tf.trainer import fit_data
from fsr_gdw_tf.trainer.train_step import TrainStep


class Trainer(TrainStep):
    """Keras' training loop on arrays, sources and datasets, on all replicas."""

    length_known = True  # whether the number of steps is known in advance
    preprocessor = None  # what maps the user's inputs to the network's
    names_of_classes = None  # of those that `fit` found in the data
    numbering = None  # of the examples of the last dataset
    unnumbered = ""  # why they have no numbers

    @property
    def replicas(self) -> int:
        """The number of replicas that train together."""
        return self.distribute_strategy.num_replicas_in_sync

    @property
    def network_inputs(self) -> NetworkInputs:
        """Return what describes and prepares inputs of the network."""
        structure = input_structure(self.features)
        return NetworkInputs(
            structure, self.classes, self.preprocessor, self.names_of_classes
        )

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in the order of the network's outputs.

        They are those given to `fit` or found in its labels; numbers if the
        labels are numbers.
        """
        return list(self.network_inputs.class_names)

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
        class_names: Sequence[str] | None = None,
        pipeline: InputPipeline | None = None,
        meta: Any = None,
        meta_in_training: bool = False,
        seed: int = 0,
        initial_step: int = 0,
        **kwargs,
    ) -> keras.callbacks.History:
        """Train on data of any kind that Keras' `fit` takes, or a `Source`.

        x, y: arrays, data frames, Arrow tables, a Hugging Face data set, a
            tf.data dataset, a `PyDataset`, a generator with `steps_per_epoch`;
            y can be the name of the column of labels. Labels are numbers,
            one-hot rows, texts, booleans or categories.
        class_names: of the outputs of the network; None: the different labels
            in order, if they are no numbers.
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

        All other arguments are those of Keras. Arrays and tables are kept in
        memory, also batches of a generator. A dataset or `PyDataset` is read
        once before training, for its labels and a hash of each example, which
        are kept (`data.numbering`); inputs only for methods that pick examples
        (`data.stored_inputs`).
        """
        data = UserData(x, y, sample_weight, class_names)
        clean = meta, meta_in_training
        x, meta = self._adapt(data, batch_size, class_weight, clean, kwargs)
        pipeline = data_adapter.make_pipeline(
            x, pipeline, batch_size, seed, kwargs, self.replicas
        )
        self._set_validation(x, pipeline, kwargs)
        source = x if isinstance(x, Source) else getattr(x, "source", None)
        fit_data.setup(self, source, pipeline)
        start = kwargs.get("initial_epoch", 0), initial_step
        x = self._train_data(x, pipeline, epochs, start, meta, kwargs)
        fit_data.add_callbacks(self, source, meta, start[0], kwargs)
        return super().fit(x, epochs=epochs, shuffle=False, **kwargs)

    def _adapt(
        self, data: UserData, batch_size, class_weight, clean, kwargs
    ) -> tuple[Any, Source | None]:
        """Return (training data, clean meta set), arrays as sources.

        clean: the meta set, and whether to train on it as well.
        """
        data = fit_data.read(self, data, batch_size, kwargs)
        network = self.network_inputs
        data = data_adapter.split_validation(data, kwargs, network)
        self.keep_label_form(*data[:2])
        x = data_adapter.to_source(UserData(*data), network)
        x = data_adapter.with_class_weights(x, class_weight, network)
        x = fit_data.number(self, x, clean[0])
        return data_adapter.adapt(x, *clean, self.method, network)

    def _set_validation(
        self, x: Any, pipeline: InputPipeline, kwargs: dict
    ) -> None:
        """Replace Keras' validation arguments by a distributed dataset."""
        fit_data.warn_of_overlap(self, x, kwargs)
        data = kwargs.get("validation_data")
        size = kwargs.pop("validation_batch_size", None)
        if data is None:
            return
        if size is not None:
            pipeline = dataclasses.replace(pipeline, batch_size=size)
        steps = kwargs.get("validation_steps")
        data, steps = self._test_data(data, pipeline, steps=steps)
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
            span = epochs, start[0]
            dataset = fit_data.batches(self, x, pipeline, span, meta, kwargs)

            def make(shard):
                return input_shards.split_batches(dataset, shard)

        steps = kwargs.get("steps_per_epoch")
        if steps is None and self.replicas == 1:
            steps = int(dataset.cardinality())
        self.step.assign(start[1])
        self.steps.assign(max(steps or 0, 0))
        self.length_known = bool(self.steps > 0)
        return input_shards.distribute_dataset(self.distribute_strategy, make)

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
        """Return loss and metrics on data of any kind that `fit` takes.

        sample_weight: factors of the loss, and weights of `weighted_metrics`.
        """
        # The dataset that Keras caches in `fit` counts executions, not steps.
        if not kwargs.pop("_use_cached_eval_dataset", False):
            network, steps = self.network_inputs, kwargs.get("steps")
            data = UserData(x, y, sample_weight)
            data = user_data.read(data, network, batch_size, steps)
            self.keep_label_form(data.x, data.y)
            x = data_adapter.to_source(data, network)
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
        """Return class probabilities for inputs of any kind that `fit` takes.

        They are `[examples, classes]`; of a network with one output they are
        those of class 1, `[examples, 1]`.
        """
        return self._outputs(
            self.predict_probs(
                x, batch_size, verbose, pipeline=pipeline, **kwargs
            )
        )

    def predict_labels(self, x: Any, **kwargs) -> np.ndarray:
        """Return the name of the most probable class of each example."""
        probs = self.predict_probs(x, **kwargs)
        return np.array(self.class_names)[probs.argmax(axis=1)]

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
        x = data_adapter.as_unlabelled(
            x, self.network_inputs, batch_size, kwargs.get("steps")
        )
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

    def _test_data(
        self, x, pipeline: InputPipeline, with_rows=False, steps=None
    ):
        """Return a distributed dataset, and its steps if they are known.

        With `with_rows` the batches have the row number of each example.
        """
        network, size = self.network_inputs, pipeline.batch_size
        x = data_adapter.as_source(x, None, network, None, size, steps)
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
