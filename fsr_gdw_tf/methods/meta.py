"""All methods that learn from a meta batch are one algorithm with blanks.

Where omega starts (`start`), how it shapes the loss (`objective`), and how it
moves once told the meta loss's gradient (`update`). The virtual step itself is
in `lookahead.py`. The meta batch comes from a clean meta set or, with
`meta=Dictionary()`, from the training set itself.
"""

import keras
import numpy as np
import tensorflow as tf

from fsr_gdw_tf import losses
from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.distribution import collectives
from fsr_gdw_tf.errors import INF, InvalidInput, require_range, suggest_names
from fsr_gdw_tf.lookahead import (
    lookahead,
    precompute_meta_grad,
    scope_variables,
)
from fsr_gdw_tf.losses import scale_gradient
from fsr_gdw_tf.methods.reweighting import WeighingMethod
from fsr_gdw_tf.recorders.epoch_means import EpochMeans

STATISTICS = ("batch", "moving", "joint")
LOSSES = ("loss_before", "loss_after")  # the virtual step: un-mixed batch


class MetaMethod(WeighingMethod):
    """Weights omega on the gradient of the logits, learned from meta loss.

    scope: how much of the network the virtual step moves: "all", "head", or
        the name of a layer, for that layer and all after it.
    meta: where the meta batch comes from: None is the clean meta set that
        comes with the batches; a `Dictionary` needs no clean labels, and
        "dictionary" is one with its defaults.
    ahead: whether the virtual step is taken. False takes the meta gradient at
        the weights of now, before the training batch is looked at: a fifth
        cheaper, with a quarter less memory (ResNet-32, CPU).
    meta_every: take the meta gradient in every so many steps (without `ahead`)
        and remember it in those between.
    virtual_rate: the virtual step's rate; None is the optimizer's at the time.
    virtual_momentum, virtual_l2: whether that step has what the real one has;
        None is: momentum, if the optimizer has any.
    meta_l2: whether the meta loss has the L2 of what the virtual step moves.
    meta_smoothing: label smoothing of the meta loss.
    meta_statistics: what batch normalisation uses for the meta batch: its own
        statistics ("batch", as in the papers' code), the "moving" ones, or
        those of the meta batch and the un-mixed training batch together
        ("joint", FSR's code). None is "moving" for the scope "head", "batch"
        otherwise: a head that is taught on features the tests never see
        teaches little.
    warmup: epochs, or below 1 their share of all, in which all weights are one.
    cap: probabilities above it count as it in the gradient (GDW's code: .999);
        1.0 is plain cross-entropy.
    """

    def __init__(
        self,
        scope: str = "all",
        meta: Dictionary | str | None = None,
        ahead: bool = True,
        meta_every: int = 1,
        virtual_rate: float | None = None,
        virtual_momentum: bool | None = False,
        virtual_l2: bool = False,
        meta_l2: bool = False,
        meta_smoothing: float = 0.0,
        meta_statistics: str | None = None,
        warmup: float = 0,
        cap: float = 1.0,
        **kwargs,
    ):
        super().__init__(warmup=warmup, **kwargs)
        if meta_statistics not in (None, *STATISTICS):
            known = suggest_names(meta_statistics, STATISTICS)
            raise InvalidInput(
                f"no meta_statistics {meta_statistics!r}: {known}"
            )
        default = "moving" if scope == "head" else "batch"
        self.meta_statistics = meta_statistics or default
        self.scope, self.dictionary = scope, as_dictionary(meta)
        if self.dictionary:
            self.dictionary.check(scope, self.meta_statistics, ahead)
        rate = virtual_rate or 0
        require_range(0, INF, virtual_rate=rate, cap=cap)
        require_range(0, 1, meta_smoothing=meta_smoothing)
        check_meta_every(meta_every, ahead, self.meta_statistics, meta)
        self.ahead, self.virtual_rate = ahead, virtual_rate
        self.meta_every, self.remembered = meta_every, []
        self.virtual_momentum, self.virtual_l2 = virtual_momentum, virtual_l2
        self.meta_l2, self.meta_smoothing = meta_l2, meta_smoothing
        self.cap, self.virtual_step_losses = cap, None

    @property
    def uses_meta(self) -> bool:
        """Whether batches have to bring clean examples."""
        return self.dictionary is None

    @property
    def meta_variables(self) -> list[keras.Variable]:
        """What the meta loss teaches, besides omega itself."""
        return []

    def start(self, classifier, batch, logits) -> tf.Tensor:
        """omega before the meta batch is seen, from `meta_variables`."""
        raise NotImplementedError("a MetaMethod says where omega starts")

    def update(self, classifier, batch, logits, result) -> tf.Tensor:
        """omega for the real step, from what the virtual step has shown."""
        raise NotImplementedError("a MetaMethod says how omega moves")

    def setup(self, classifier, source, pipeline) -> None:
        """Check the scope; keep each example's last weight."""
        variables = scope_variables(classifier, self.scope)
        if self.meta_every > 1 and not self.remembered:
            self.remembered = [
                self.add_weight(
                    shape=v.shape,
                    dtype=v.dtype,
                    initializer="zeros",
                    trainable=False,
                    aggregation="only_first_replica",
                    name="remembered",
                )
                for v in variables
            ]
        if self.dictionary:
            self.dictionary.setup(classifier, source, pipeline)
        known = self.table is not None
        super().setup(classifier, source, pipeline)
        if source is None or known:
            return
        # In other scopes the features are those after the virtual step.
        if self.dictionary and self.scope == "head":
            self.virtual_step_losses = EpochMeans(self, "losses", LOSSES)

    def prepare(self, classifier, batch):
        """Draw a reward batch; or, without `ahead`, take the meta gradient."""
        if self.dictionary:
            return self.dictionary.prepare(classifier, batch)
        if self.ahead or self.meta_statistics == "joint":
            return batch
        return precompute_meta_grad(classifier, self, batch)

    def compute_omega(self, classifier, batch, forward) -> tf.Tensor:
        """Look ahead, then move omega; the same for all meta-methods."""
        result = lookahead(classifier, self, batch, forward)
        omega = self.update(classifier, batch, forward.logits, result)
        self.watch(classifier, batch, result.omega, omega)
        if self.dictionary:
            self.update_dictionary(classifier, batch, forward, *result.aux)
        return tf.stop_gradient(omega)

    def watch(self, classifier, batch, before, after) -> None:
        """Look at omega before and after it has moved."""

    def meta_loss(self, classifier, batch, forward):
        """Loss of the meta batch; what became of the training batch."""
        logits, after = self.meta_logits(classifier, batch, forward)
        labels = losses.smooth_labels(batch["meta_label"], self.meta_smoothing)
        loss = collectives.mean(losses.cross_entropy(labels, logits))
        if self.meta_l2:
            moved = scope_variables(classifier, self.scope)
            squares = tf.add_n([tf.reduce_sum(v.value**2) for v in moved])
            squares = tf.cast(squares, loss.dtype)
            loss += 0.5 * classifier.l2 * squares / collectives.replicas()
        return loss, after

    def meta_logits(self, classifier, batch, forward):
        """Logits of the meta batch; features and logits of the un-mixed one.

        The training batch is forwarded again only if a dictionary wants to
        know and the step's own features are not the ones.
        """
        wanted = [batch["meta_inputs"]] if "meta_inputs" in batch else []
        known, mixed = None, "unmixed_inputs" in batch
        joint = self.meta_statistics == "joint"
        if self.dictionary or joint:
            if self.scope == "head" and not mixed and not joint:
                known = forward.features
            else:
                wanted.append(batch.get("unmixed_inputs", batch["inputs"]))
        features = self.meta_features(classifier, wanted)
        if "meta_features" in batch:
            features.insert(0, batch["meta_features"])
        if known is not None:
            features.append(known)
        logits = [classifier.head(f) for f in features]
        return logits[0], (features[-1], logits[-1])

    def meta_features(self, classifier, inputs: list) -> list[tf.Tensor]:
        """Features of each batch, in one pass unless each has statistics."""
        if not inputs:
            return []
        if self.meta_statistics == "batch":
            return [classifier.features(x, training=True) for x in inputs]
        joint = self.meta_statistics == "joint"
        features = classifier.features(tf.concat(inputs, 0), training=joint)
        return tf.split(features, [tf.shape(x)[0] for x in inputs])

    def update_dictionary(self, classifier, batch, forward, features, after):
        """Hand over what the pushers want to know of the training batch."""
        label = batch.get("unmixed_label", batch["label"])
        plain_omega = self.plain_omega(batch, forward.logits)
        sight = {
            "label": label,
            "loss": self.objective(batch, forward.logits, plain_omega),
            "logits_after": after,
            "logits_unmixed": classifier.head(features),
        }
        self.dictionary.update_scores(batch, sight)
        if self.virtual_step_losses:
            both = zip(LOSSES, (sight["logits_unmixed"], after), strict=True)
            self.virtual_step_losses.add(
                **{n: (losses.cross_entropy(label, z), True) for n, z in both}
            )
        if self.dictionary.bank:
            self.dictionary.update_features(batch["index"], features)

    def objective(self, batch, logits, omega) -> tf.Tensor:
        """Cross-entropy whose gradient on the logits is omega (p - y)."""
        if self.cap >= 1.0:
            return super().objective(batch, logits, omega)
        scaled = scale_gradient(logits, omega)
        return losses.capped_cross_entropy(batch["label"], scaled, self.cap)

    def per_example(self, source) -> dict[str, np.ndarray]:
        """The last weight, and the score of a dictionary."""
        columns = super().per_example(source)
        if columns and self.dictionary:
            columns["dictionary_score"] = np.array(self.dictionary.scores)
        return columns

    def report(self, source) -> dict[str, float]:
        """Also what the virtual step does, and of whom a dictionary is."""
        logs = super().report(source)
        if logs and self.virtual_step_losses:
            logs |= self.virtual_step_losses.means()
        if logs and self.dictionary:
            logs |= self.dictionary.report(source)
        return logs


def as_dictionary(meta: Dictionary | str | None) -> Dictionary | None:
    """What `meta` stands for."""
    if meta == "dictionary":
        return Dictionary()
    if meta is None or isinstance(meta, Dictionary):
        return meta
    raise InvalidInput(
        "meta is None (a clean meta set), 'dictionary' or a Dictionary(...), "
        f"got {meta!r}; clean examples go to fit(..., meta=)"
    )


def check_meta_every(steps: int, ahead: bool, statistics: str, meta) -> None:
    """Refuse what a remembered meta gradient cannot be had for."""
    if not isinstance(steps, int) or steps < 1:
        raise InvalidInput(f"meta_every is 1 or more steps, got {steps!r}")
    for wrong, needed in (
        (ahead, "ahead=False: it remembers the gradient at the weights of now"),
        (meta, "a clean meta set: a dictionary is told of each step"),
        (statistics == "joint", "meta_statistics 'batch' or 'moving'"),
    ):
        if steps > 1 and wrong:
            raise InvalidInput(f"meta_every={steps} needs {needed}")
