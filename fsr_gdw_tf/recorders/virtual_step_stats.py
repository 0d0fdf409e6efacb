"""The loss before and after the virtual step: Fig. 5 left of the FSR paper."""

from fsr_gdw_tf import losses
from fsr_gdw_tf.recorders.epoch_means import EpochMeans
from fsr_gdw_tf.recorders.recorder import Recorder

COLUMNS = ("loss_before", "loss_after")


class VirtualStepStats(Recorder):
    """Mean losses of the un-mixed training examples over an epoch."""

    means: EpochMeans | None = None

    @classmethod
    def applies_to(cls, method) -> bool:
        # With other scopes features change too, and are not computed before.
        return method.dictionary is not None and method.scope == "head"

    def setup(self, classifier, source, pipeline) -> None:
        if source is not None and self.means is None:
            self.means = EpochMeans(self, "losses", COLUMNS)

    def observe(self, classifier, batch, logits, omega) -> None:
        if self.means is None:
            return
        label = batch.get("unmixed_label", batch["label"])
        pairs = zip(
            COLUMNS, (omega.logits_before, omega.logits_after), strict=True
        )
        self.means.add(
            **{
                name: (losses.cross_entropy(label, z), True)
                for name, z in pairs
            }
        )

    def epoch_logs(self, classifier, source) -> dict[str, float]:
        return self.means.means() if self.means else {}
