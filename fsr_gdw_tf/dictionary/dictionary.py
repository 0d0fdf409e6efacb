"""FSR's dictionary: well-learned training examples in place of clean ones.

Zhang & Pfister, section 4.1. Every example has a score (see `pushers.py`); at
the end of an epoch the best of each class become members, and their inputs
are read into device memory, so that a reward batch is a gather inside the
step. Deviations from the official code: it is filled before the first step
(the code's first reward batch is zeros), ties are broken at random, short
classes repeat their members instead of keeping stale ones, every replica's
examples are scored, and all of it is part of a checkpoint.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data.source import require_all_classes
from fsr_gdw_tf.dictionary import class_balance
from fsr_gdw_tf.dictionary.pushers import (
    PUSHERS,
    VIRTUAL_STEP_PUSHERS,
    ScoreInputs,
    next_history,
)
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import InvalidInput, suggest_names
from fsr_gdw_tf.example_state import (
    example_table,
    pack_bytes,
    require_dictionary_fits,
    require_indices,
    scatter_rows,
    scatter_rows_by_key,
    unpack_bytes,
)
from fsr_gdw_tf.method import Batch
from fsr_gdw_tf.metrics import clean_auroc


@gin.register
class Dictionary(keras.layers.Layer):
    """A meta set made of training examples; needs no clean label.

    size: K, its members: the same number of each class, K // classes. None: a
        sixth of the training set, at most 2,000 (or one per class).
    reward_batch: q, how many are drawn per step and replica: a multiple of the
        classes, all classes alike; or fewer than there are classes, each of
        another class. None: about a training batch.
    pusher: what makes a good member; a name in `pushers.py`. The paper's is
        "meta_margin"; the default has purer members, and does not fail where
        that one does (on tables, and without MixUp).
    features: "fresh" forwards the reward batch in each step, as the paper;
        "bank" remembers features: of all members when an epoch begins, then
        of each as it is trained on, so that no step has to forward them (scope
        "head" only). With MixUp it was better on digits, up to a point worse on
        a small part of CIFAR-10; without MixUp it was far worse: features are
        then normalised like a training batch.
    same_draw: whether all replicas draw the same reward batch.
    rotate: lets K be smaller than the number of classes: one member of each of
        K classes, of others after each epoch until all have had their turn.

    Members are augmented once an epoch, as in the official code. A class with
    fewer than K // classes examples gives all it has.
    """

    def __init__(
        self,
        size: int | None = None,
        reward_batch: int | None = None,
        pusher: str = "area_under_margin",
        features: str = "fresh",
        same_draw: bool = False,
        rotate: bool = False,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value, known in (
            ("pusher", pusher, PUSHERS),
            ("features", features, ("fresh", "bank")),
        ):
            if value not in known:
                raise InvalidInput(
                    f"no {name} {value!r}: {suggest_names(value, known)}"
                )
        self.size, self.reward_batch = size, reward_batch
        self.pusher, self.bank = PUSHERS[pusher], features == "bank"
        self.same_draw, self.rotate, self.seed = same_draw, rotate, seed
        self.scores = None

    def check(self, scope: str, statistics: str, ahead: bool = True) -> None:
        """Raise where the method's settings do not go with these."""
        if not ahead and self.pusher in VIRTUAL_STEP_PUSHERS:
            raise InvalidInput(
                "the meta margin is what a virtual step changes, so it needs "
                "VirtualStep(ahead=True); take another pusher, such as "
                "area_under_margin"
            )
        if self.bank and statistics == "joint":
            raise InvalidInput(
                "a bank holds features, so no reward images are there to be "
                "normalised together with the batch; take "
                "MetaLoss(statistics='moving'), or features='fresh'"
            )
        if scope == "head":
            return
        if self.bank:
            raise InvalidInput(
                "a bank holds features, which only scope='head' leaves as "
                f"they are, got scope={scope!r}; take features='fresh'"
            )
        if self.pusher is PUSHERS["unmixed_margin"]:
            raise InvalidInput(
                "unmixed_margin needs scope='head', which leaves features as "
                f"they are, got scope={scope!r}; take meta_margin"
            )

    def setup(self, classifier, source, pipeline) -> None:
        """Check the sizes; create the variables for scores and members."""
        require_indices("a dictionary (of FSR)", source)
        require_all_classes(source, "the training set")
        self.pipeline = pipeline
        if self.scores is not None:
            return  # the method has checked that the examples are the same
        self.size, self.reward_batch = self.sizes(source, pipeline.batch_size)
        members = int(self.members_per_class(source, epoch=0).sum())
        self.scores, self.visits, self.history = (
            example_table(self, name, len(source), 0.0)
            for name in ("scores", "visits", "history")
        )
        self.members, self.labels = (
            self.add_weight(
                shape=(members,),
                dtype="int64",
                initializer=keras.initializers.Constant(-1),
                trainable=False,
                name=name,
            )
            for name in ("members", "labels")
        )
        self._create_content(members, self._first_content(classifier, source))

    def _first_content(self, classifier, source) -> np.ndarray:
        """Return the input, or zero features, of one example."""
        if self.bank:
            width = classifier.features.outputs[0].shape[1:]
            return np.zeros(width, self.variable_dtype)
        return self.pipeline.load_inputs(source, [0], 0)[0]

    def _create_content(self, members: int, first: np.ndarray) -> None:
        """Create the variable for all members' inputs, or features."""
        require_dictionary_fits(members, first)
        self.example = tf.TensorSpec(first.shape, first.dtype)
        packed = pack_bytes(first[None])
        self.content = self.add_weight(
            shape=(members, *packed.shape[1:]),
            dtype=packed.dtype.name,
            initializer="zeros",
            trainable=False,
            aggregation="sum" if self.bank else None,
            name="content",
        )

    def sizes(self, source, batch_size: int) -> tuple[int, int]:
        """Return K and q, defaults filled in, checked."""
        n, classes = len(source), source.classes
        size, batch = self.size, self.reward_batch
        size = class_balance.default_size(n, classes) if size is None else size
        class_balance.check_size(size, n, classes, self.rotate)
        if batch is None:
            batch = class_balance.default_reward_batch(
                batch_size, size, classes
            )
        class_balance.check_reward_batch(batch, size, classes)
        return size, batch

    def members_per_class(self, source, epoch: int) -> np.ndarray:
        """Return the number of members of each class in an epoch."""
        if self.size < source.classes:
            return class_balance.rotating_members(
                source.classes, self.size, epoch, self.seed
            )
        return class_balance.members_per_class(source.counts(), self.size)

    def prepare(self, classifier, batch: dict) -> dict:
        """Add a reward batch as the meta batch."""
        slots = self.draw(classifier)
        content = tf.gather(self.content.value, slots)
        content = unpack_bytes(content, self.example)
        label = tf.gather(self.labels.value, slots)
        name = "meta_features" if self.bank else "meta_inputs"
        label = tf.one_hot(
            label, classifier.classes, dtype=batch["label"].dtype
        )
        return {**batch, name: content, "meta_label": label}

    def draw(self, classifier) -> tf.Tensor:
        """Return which members are this step's reward batch."""
        labels = self.labels.value
        u = collectives.step_uniform(
            classifier.optimizer.iterations,
            self.seed,
            collectives.DRAWING,
            [labels.shape[0] + classifier.classes],
            self.same_draw,
        )
        return class_balance.balanced_draw(
            u, labels, classifier.classes, self.reward_batch
        )

    def update_scores(self, batch: Batch, **step: tf.Tensor) -> None:
        """Score the examples of a batch; `step` is the rest of ScoreInputs."""
        index = batch["index"]
        inputs = ScoreInputs(
            score=tf.gather(self.scores.value, index),
            visits=tf.gather(self.visits.value, index),
            history=tf.gather(self.history.value, index),
            **step,
        )
        scatter_rows(self.scores, index, self.pusher(inputs))
        scatter_rows(self.history, index, next_history(inputs))
        scatter_rows(self.visits, index, inputs.visits + 1.0)

    def update_features(self, index: tf.Tensor, features: tf.Tensor) -> None:
        """Replace the features of the members that are in this batch."""
        scatter_rows_by_key(self.content, self.members.value, index, features)

    @property
    def empty(self) -> bool:
        """Return whether there are no members yet."""
        return bool(np.array(self.members)[0] < 0)

    def choose(self, source, epoch: int) -> np.ndarray:
        """Return the best of each class; random ones before any is scored."""
        random = np.random.default_rng([self.seed, epoch]).random(len(source))
        scores, visits = np.array(self.scores), np.array(self.visits)
        rank = [random, -scores, visits == 0]
        if source.weights is not None:
            rank.append(source.weights == 0)
        return class_balance.top_per_class(
            source.labels, rank, self.members_per_class(source, epoch)
        )

    def refresh(self, classifier, source, epoch: int) -> None:
        """Choose the members for an epoch, and read their inputs."""
        members = self.choose(source, epoch)
        self.members.assign(members)
        self.labels.assign(source.labels[members])
        if not self.bank:
            inputs = self.pipeline.load_inputs(source, members, epoch)
            self.content.assign(pack_bytes(inputs))
            return
        # A graph: outside of one Keras holds all activations at once.
        forward = tf.function(classifier.features)
        step = max(self.reward_batch, 100)
        features = [
            forward(
                self.pipeline.load_inputs(source, chunk, epoch), training=False
            )
            for chunk in np.split(members, range(step, len(members), step))
        ]
        self.content.assign(np.concatenate(features))

    def epoch_logs(self, source) -> dict[str, float]:
        """Return the members' purity and the scores' AUROC, if known."""
        if self.scores is None or source.true_labels is None:
            return {}
        clean = source.labels == source.true_labels
        logs = {"purity": float(clean[np.array(self.members)].mean())}
        auroc = clean_auroc(source, np.array(self.scores))
        return logs if auroc is None else {**logs, "score_auroc": auroc}
