"""The virtual step: the meta loss after it, and its gradients."""

from fsr_gdw_tf.lookahead.meta_loss import precompute_meta_grad
from fsr_gdw_tf.lookahead.settings import (
    EXACT,
    OPTIMIZER,
    MetaLoss,
    VirtualStep,
    fill_defaults,
)
from fsr_gdw_tf.lookahead.step import LookaheadResult, lookahead

__all__ = [
    "EXACT",
    "OPTIMIZER",
    "LookaheadResult",
    "MetaLoss",
    "VirtualStep",
    "fill_defaults",
    "lookahead",
    "precompute_meta_grad",
]
