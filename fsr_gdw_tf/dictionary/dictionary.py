"""FSR's dictionary: well-learned training examples in place of clean ones.

Zhang & Pfister, section 4.1. Every example has a score (see `pushers.py`); at
the end of an epoch the best of each class become members, and their inputs
are read into device memory, so that a reward batch is a gather inside the
step. Deviations from the official code: the dictionary is filled before the
first step (the code's first reward batch is zeros), ties are broken at random,
classes with too few examples repeat members instead of keeping old ones, the
examples of all replicas are scored, and all state is saved in checkpoints.
"""

import gin
import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf.data import nested
from fsr_gdw_tf.data.pipeline import InputPipeline
from fsr_gdw_tf.data.source import Source, require_all_classes
from fsr_gdw_tf.dictionary import class_balance, member_choice
from fsr_gdw_tf.dictionary.contents import Contents, longest_string
from fsr_gdw_tf.dictionary.pushers import (
    PUSHERS,
    VIRTUAL_STEP_PUSHERS,
    ScoreInputs,
    next_history,
)
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import (
    InvalidInput,
    require_annotated,
    require_whole,
    suggest_names,
)
from fsr_gdw_tf.example_state import (
    example_table,
    require_indices,
    scatter_rows,
    scatter_rows_by_key,
)
from fsr_gdw_tf.method import Batch
from fsr_gdw_tf.metrics import clean_auroc
from fsr_gdw_tf.networks.split import feature_shape


@gin.register
class Dictionary(keras.layers.Layer):
    """A meta set chosen from the training examples; needs no clean labels.

    size: K, the number of members, K // classes of each class. None: a sixth of
        the training set, at most 2,000 (or one per class).
    reward_batch: q, the number drawn per step and replica: a multiple of the
        number of classes, equal for all classes; or fewer than there are
        classes, each of a different class. None: about a training batch.
    pusher: the score by which members are chosen; a name in `pushers.py`. The
        paper's is "meta_margin"; the default has more clean members, and works
        where that one fails (on tabular data, and without MixUp).
    features: "fresh" forwards the reward batch in each step, as the paper;
        "bank" stores features: those of all members when an epoch begins, then
        each member's when it is trained on, so that no step forwards members
        (scope "head" only). With MixUp it was better on digits and up to one
        percentage point worse on a small part of CIFAR-10; without MixUp it was
        far worse, as features are then normalised like a training batch.
    same_draw: whether all replicas draw the same reward batch.
    rotate: allow K below the number of classes: K classes have one member each,
        other classes in each epoch until all have had one.

    Members are augmented once per epoch, as in the official code. A class with
    fewer than K // classes examples is included completely.
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
        given = {"pusher": pusher, "features": features, "seed": seed}
        given |= {"same_draw": same_draw, "rotate": rotate}
        require_annotated(Dictionary, given)
        for name, value, valid in (
            ("pusher", pusher, PUSHERS),
            ("features", features, ("fresh", "bank")),
        ):
            if value not in valid:
                raise InvalidInput(
                    f"no {name} {value!r}: {suggest_names(value, valid)}"
                )
        for name, count in (("size", size), ("reward_batch", reward_batch)):
            if count is not None:
                require_whole(1, **{name: count})
        self.size, self.reward_batch = size, reward_batch
        self.pusher, self.bank = PUSHERS[pusher], features == "bank"
        self.same_draw, self.rotate, self.seed = same_draw, rotate, seed
        self.scores = None

    def check(self, scope: str, statistics: str, ahead: bool = True) -> None:
        """Raise if the method's settings do not allow the dictionary's."""
        if not ahead and self.pusher in VIRTUAL_STEP_PUSHERS:
            raise InvalidInput(
                "the meta margin is the effect of a virtual step, so it needs "
                "VirtualStep(ahead=True); take another pusher, such as "
                "area_under_margin"
            )
        if self.bank and statistics == "joint":
            raise InvalidInput(
                "a bank stores features, so there are no reward images to "
                "normalise together with the batch; take "
                "MetaLoss(statistics='moving'), or features='fresh'"
            )
        if scope == "head":
            return
        if self.bank:
            raise InvalidInput(
                "a bank stores features, which only scope='head' does not "
                f"change, got scope={scope!r}; take features='fresh'"
            )
        if self.pusher is PUSHERS["unmixed_margin"]:
            raise InvalidInput(
                "unmixed_margin needs scope='head', which does not change "
                f"features, got scope={scope!r}; take meta_margin"
            )

    def setup(
        self,
        classifier: keras.Model,
        source: Source | None,
        pipeline: InputPipeline,
    ) -> None:
        """Check the sizes; create the variables for scores and members."""
        require_indices("a dictionary (of FSR)", source)
        require_all_classes(source, "the training set")
        self.load = pipeline.loader(source)
        if self.scores is not None:
            return  # the method checks that the examples are the same
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
        self._create_contents(classifier, source, members)

    def _create_contents(self, classifier, source: Source, members: int):
        """Create the variables for the members' inputs, or features."""
        first = self.load([0], 0)
        if self.bank:
            shape = feature_shape(classifier.features, first)
            zeros = np.zeros(shape, self.variable_dtype)
            self.contents = Contents(self, members, zeros, aggregation="sum")
            return
        length = longest_string(first)
        if length:  # of all examples, as any may become a member
            length = longest_string(self.load(range(len(source)), 0))
        self.contents = Contents(self, members, nested.take(first, 0), length)

    @property
    def content(self) -> keras.Variable:
        """The variable of the members' first input, or of their features."""
        return self.contents.variables[0]

    def sizes(self, source: Source, batch_size: int) -> tuple[int, int]:
        """Return valid K and q, from the settings or by default."""
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

    def members_per_class(self, source: Source, epoch: int) -> np.ndarray:
        """Return the number of members of each class in an epoch."""
        if self.size < source.classes:
            return member_choice.rotating_members(
                source.classes, self.size, epoch, self.seed
            )
        return member_choice.members_per_class(source.counts(), self.size)

    def prepare(self, classifier: keras.Model, batch: Batch) -> Batch:
        """Add a reward batch to a batch, as its meta batch."""
        slots = self.draw(classifier)
        content = self.contents.gather(slots)
        label = tf.gather(self.labels.value, slots)
        name = "meta_features" if self.bank else "meta_inputs"
        label = tf.one_hot(
            label, classifier.classes, dtype=batch["label"].dtype
        )
        return {**batch, name: content, "meta_label": label}

    def draw(self, classifier: keras.Model) -> tf.Tensor:
        """Return the positions of the members in this step's reward batch."""
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
        """Update a batch's scores; `step`: the other fields of ScoreInputs."""
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

    def choose(self, source: Source, epoch: int) -> np.ndarray:
        """Return the best of each class (Eq. 4); random ones before scoring."""
        return member_choice.choose_members(
            source.labels,
            np.array(self.scores),
            np.array(self.visits),
            self.members_per_class(source, epoch),
            [self.seed, epoch],
            source.weights,
        )

    def refresh(
        self, classifier: keras.Model, source: Source, epoch: int
    ) -> None:
        """Choose the members for an epoch, and read their inputs."""
        members = self.choose(source, epoch)
        self.members.assign(members)
        self.labels.assign(source.labels[members])
        if not self.bank:
            self.contents.assign(self.load(members, epoch))
            return
        # Without a graph all activations would be in memory at once.
        forward = tf.function(classifier.features)
        step = max(self.reward_batch, 100)
        features = [
            forward(self.load(chunk, epoch), training=False)
            for chunk in np.split(members, range(step, len(members), step))
        ]
        self.content.assign(np.concatenate(features))

    def epoch_logs(self, source: Source) -> dict[str, float]:
        """Return purity and the scores' AUROC, if true labels are known."""
        if self.scores is None or source.true_labels is None:
            return {}
        clean = source.labels == source.true_labels
        logs = {"purity": float(clean[np.array(self.members)].mean())}
        auroc = clean_auroc(source, np.array(self.scores))
        return logs if auroc is None else {**logs, "score_auroc": auroc}
