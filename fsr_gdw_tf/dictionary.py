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
from sklearn.metrics import roc_auc_score

from fsr_gdw_tf import distribute
from fsr_gdw_tf.data.source import require_all_classes
from fsr_gdw_tf.errors import BadInput, choices
from fsr_gdw_tf.methods.base import Batch, Part, example_table, require_indices
from fsr_gdw_tf.pushers import PUSHERS, Sight, remember, unmixed_margin


@gin.register
class Dictionary(Part):
    """A meta set made of training examples; needs no clean label.

    size: K, its members: the same number of each class, K // classes. None: a
        sixth of the training set, at most 2,000 (or one per class).
    reward_batch: q, how many are drawn per step and replica: a multiple of the
        classes, all classes alike; or fewer than there are classes, each of
        another class. None: about a training batch.
    momentum: lambda of the scores.
    pusher: what makes a good member; a name in `pushers.py`. The paper's is
        "meta_margin"; the default had purer members and better accuracy under
        every noise that we tried, and does not fail where that one did.
    features: "fresh" forwards the reward batch in each step, as the paper;
        "bank" keeps each member's features as they were when it was last
        trained on, which costs nothing (scope "head" only). With MixUp the
        bank was as good or better in every run; without MixUp it was worse.
    augment: "frozen" for an epoch, as in the official code; or "fresh" in each
        step, for views that keep the size of the input; or "none".
    same_draw: whether all replicas draw the same reward batch.
    fill: whether other classes take the places that a class with fewer than
        K // classes examples leaves empty. Otherwise there are less than K.
    rotate: lets K be smaller than the number of classes: one member of each of
        K classes, of others after each epoch until all have had their turn.
    memory_gib: what the members' inputs may take on each device.
    """

    def __init__(
        self,
        size: int | None = None,
        reward_batch: int | None = None,
        momentum: float = 0.9,
        pusher: str = "area_under_margin",
        features: str = "fresh",
        augment: str = "frozen",
        same_draw: bool = False,
        fill: bool = False,
        rotate: bool = False,
        memory_gib: float = 2.0,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value, known in (
            ("pusher", pusher, PUSHERS),
            ("features", features, ("fresh", "bank")),
            ("augment", augment, ("frozen", "fresh", "none")),
        ):
            if value not in known:
                raise BadInput(f"no {name} {value!r}: {choices(value, known)}")
        if not 0.0 <= momentum < 1.0:
            raise BadInput(f"momentum must be in [0, 1), got {momentum}")
        self.size, self.reward_batch = size, reward_batch
        self.momentum, self.pusher = momentum, PUSHERS[pusher]
        self.bank = features == "bank"
        self.augment, self.same_draw = augment, same_draw
        self.fill, self.rotate = fill, rotate
        self.memory_gib, self.seed = memory_gib, seed
        self.scores = None

    def check_scope(self, scope: str) -> None:
        """What takes features for granted needs the scope "head"."""
        if scope == "head":
            return
        if self.bank:
            raise BadInput(
                "a bank holds features, which only scope='head' leaves as "
                f"they are, got scope={scope!r}; take features='fresh'"
            )
        if self.pusher is unmixed_margin:
            raise BadInput(
                "unmixed_margin needs scope='head', which leaves features as "
                f"they are, got scope={scope!r}; take meta_margin"
            )

    def bind(self, learner, source, batches) -> None:
        """Check the sizes; make room for scores and members."""
        require_indices("a dictionary (of FSR)", source)
        require_all_classes(source, "the training set")
        if self.scores is not None:
            return  # MetaMethod has checked that the examples are the same
        self.batches = batches
        self.size, self.reward_batch = self.sizes(source, batches.size)
        members = int(self.places(source, epoch=0).sum())
        self.scores, self.visits, self.memory = (
            example_table(self, name, len(source), 0.0)
            for name in ("scores", "visits", "memory")
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
        if self.bank:
            width, dtype = learner.features.outputs[0].shape[1:], None
        else:
            first = self.inputs(source, [0], 0)
            width, dtype = first.shape[1:], first.dtype.name
            self.check_memory(members, first[0])
            self.check_view(source, first[0])
        self.held = self.add_weight(
            shape=(members, *width),
            dtype=dtype,
            initializer="zeros",
            trainable=False,
            aggregation="sum" if self.bank else None,
            name="held",
        )

    def sizes(self, source, batch_size: int) -> tuple[int, int]:
        """K and q, chosen where they were left open, and checked."""
        n, classes = len(source), source.classes
        share = max(1, min(n // (6 * classes), 2000 // classes))
        size = min(share * classes, n) if self.size is None else self.size
        if size > n:
            raise BadInput(
                f"a dictionary of {size} is larger than the training set of "
                f"{n} examples; lower its size"
            )
        if size < classes and not self.rotate:
            raise BadInput(
                f"a dictionary of {size} has no room for an example of each of "
                f"{classes} classes; raise its size, or pass rotate=True to "
                "let classes take turns"
            )
        batch = self.reward_batch
        if batch is None:
            batch = max(1, batch_size // classes) * classes
            batch = min(batch, batch_size) if classes > batch_size else batch
            batch = min(batch, size)
        if batch > classes and batch % classes:
            lower = batch // classes * classes
            raise BadInput(
                f"a reward batch of {batch} cannot hold the same number of "
                f"each of {classes} classes; take {lower} or {lower + classes}"
            )
        if not 0 < batch <= size:
            raise BadInput(
                f"a reward batch of {batch} cannot be drawn from a dictionary "
                f"of {size}; take 1 to {size}"
            )
        return size, batch

    def check_memory(self, members: int, example: np.ndarray) -> None:
        """Refuse what will not fit, with the figure."""
        gib = members * example.nbytes / 2**30
        if gib > self.memory_gib:
            shape = " x ".join(map(str, example.shape))
            raise BadInput(
                f"a dictionary of {members} inputs of {shape} "
                f"({example.dtype}) takes {gib:.3g} GiB on each device, more "
                f"than memory_gib={self.memory_gib}; lower its size, raise "
                "memory_gib, or keep features only (features='bank')"
            )

    def check_view(self, source, example: np.ndarray) -> None:
        """Augmenting in each step starts from what tests see."""
        raw = source.load([0])[0]
        if self.augment == "fresh" and raw.shape != example.shape:
            raise BadInput(
                "augment='fresh' needs a view that keeps the size of its "
                f"input, got {type(self.batches.view).__name__}, which makes "
                f"{example.shape} of {raw.shape}; take 'frozen'"
            )

    def places(self, source, epoch: int) -> np.ndarray:
        """How many members each class has: K // classes, or all it has."""
        counts = source.counts()
        if self.size < source.classes:
            order = np.random.default_rng(self.seed).permutation(source.classes)
            turn = (epoch * self.size + np.arange(self.size)) % source.classes
            return np.isin(np.arange(source.classes), order[turn]).astype(int)
        places = np.minimum(counts, self.size // source.classes)
        while self.fill and places.sum() < self.size:
            open_ = np.flatnonzero(counts > places)
            more = max(1, (self.size - places.sum()) // len(open_))
            open_ = open_[: self.size - places.sum()]
            places[open_] = np.minimum(counts[open_], places[open_] + more)
        return places

    def prepare(self, learner, batch: Batch) -> Batch:
        """Add a reward batch as the meta batch."""
        slots = self.draw(learner)
        held = tf.gather(self.held.value, slots)
        if self.augment == "fresh" and not self.bank:
            held = self.augmented(learner, held)
        label = tf.gather(self.labels.value, slots)
        name = "meta_features" if self.bank else "meta_inputs"
        label = tf.one_hot(label, learner.classes, dtype=batch["label"].dtype)
        return {**batch, name: held, "meta_label": label}

    def draw(self, learner) -> tf.Tensor:
        """Slots of a reward batch, balanced, without repeats if possible."""
        step, classes = learner.optimizer.iterations, learner.classes
        labels, q = self.labels.value, self.reward_batch
        k = labels.shape[0]
        u = distribute.step_uniform(
            step, self.seed, distribute.DRAWING, [k + classes], self.same_draw
        )
        # Slots by class, those of a class in random order.
        order = tf.argsort(u[:k])
        by_class = tf.argsort(tf.gather(labels, order), stable=True)
        order = tf.gather(order, by_class)
        ones = tf.ones_like(labels)
        counts = tf.math.unsorted_segment_sum(ones, labels, classes)
        starts = tf.cumsum(counts, exclusive=True)
        if q >= classes:
            chosen = np.repeat(np.arange(classes), q // classes)
            turn = np.tile(np.arange(q // classes), classes)
        else:  # absent classes come last
            absent = tf.cast(counts == 0, u.dtype)
            chosen = tf.argsort(u[k:] + absent)[:q]
            turn = tf.zeros_like(chosen)
        turn = tf.cast(turn, counts.dtype) % tf.gather(counts, chosen)
        return tf.gather(order, tf.gather(starts, chosen) + turn)

    def augmented(self, learner, inputs: tf.Tensor) -> tf.Tensor:
        """Each input seen anew."""
        u = distribute.step_uniform(
            learner.optimizer.iterations,
            self.seed,
            distribute.AUGMENTING,
            [inputs.shape[0], 2],
            self.same_draw,
        )
        seeds = tf.cast(u * 2**31, tf.int32)
        return tf.map_fn(
            lambda pair: self.batches.view.train(*pair),
            (inputs, seeds),
            fn_output_signature=tf.TensorSpec(inputs.shape[1:], inputs.dtype),
        )

    def push(self, batch: Batch, sight: dict) -> None:
        """Score the examples of a batch."""
        index = batch["index"]
        before = {
            name: tf.gather(getattr(self, table).value, index)
            for name, table in (
                ("score", "scores"),
                ("visits", "visits"),
                ("memory", "memory"),
            )
        }
        sight = Sight(**before, **sight, momentum=self.momentum)
        distribute.write_rows(self.scores, index, self.pusher(sight))
        distribute.write_rows(self.memory, index, remember(sight))
        distribute.write_rows(self.visits, index, sight.visits + 1.0)

    def deposit(self, index: tf.Tensor, features: tf.Tensor) -> None:
        """Renew the features of the members that are in this batch."""
        same = self.members.value[:, None] == tf.cast(index, tf.int64)[None]
        same = tf.cast(same, self.held.dtype)
        present = tf.reduce_sum(same, axis=1, keepdims=True)
        features = tf.cast(tf.stop_gradient(features), self.held.dtype)
        change = same @ features - present * self.held.value
        self.held.value.assign_add(change)

    @property
    def empty(self) -> bool:
        """Whether there are no members yet."""
        return bool(np.array(self.members)[0] < 0)

    def choose(self, source, epoch: int) -> np.ndarray:
        """The best of each class, seen ones first; random ones at the start."""
        rng = np.random.default_rng([self.seed, epoch])
        chance, labels = rng.random(len(source)), source.labels
        scores, visits = np.array(self.scores), np.array(self.visits)
        rank = [chance, -scores, visits == 0]
        order = np.lexsort([*rank, labels])
        counts = source.counts()
        place = np.arange(len(source)) - np.repeat(
            np.cumsum(counts) - counts, counts
        )
        return order[place < self.places(source, epoch)[labels[order]]]

    def refresh(self, learner, source, epoch: int) -> None:
        """Choose the members for an epoch, and read them."""
        members = self.choose(source, epoch)
        self.members.assign(members)
        self.labels.assign(source.labels[members])
        if not self.bank:
            self.held.assign(self.inputs(source, members, epoch))
            return
        step = max(self.reward_batch, 100)
        parts = [
            learner.features(self.inputs(source, some, epoch), training=False)
            for some in np.split(members, range(step, len(members), step))
        ]
        self.held.assign(np.concatenate(parts))

    def inputs(self, source, indices, epoch: int) -> np.ndarray:
        """What the network is to see of these examples."""
        frozen = self.augment == "frozen"
        return self.batches.stored(source, indices, epoch, random=frozen)

    def report(self, source) -> dict[str, float]:
        """Whether members and scores tell clean from mislabelled."""
        if self.scores is None or source.true_labels is None:
            return {}
        clean = source.labels == source.true_labels
        logs = {"purity": float(clean[np.array(self.members)].mean())}
        scores = np.array(self.scores)
        if 0 < clean.sum() < len(clean) and np.isfinite(scores).all():
            logs["score_auroc"] = float(roc_auc_score(clean, scores))
        return logs
