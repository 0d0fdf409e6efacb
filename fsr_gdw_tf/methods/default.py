"""What `Classifier.wrap` trains with when no method is given."""

from fsr_gdw_tf.dictionary import Dictionary
from fsr_gdw_tf.method import Method, Regulariser
from fsr_gdw_tf.methods.gdw import GDW
from fsr_gdw_tf.methods.weight_net import WeightNet
from fsr_gdw_tf.optimizers import Adam
from fsr_gdw_tf.regularisers import PosteriorWeights


def default_parts() -> dict[str, Method | list[Regulariser]]:
    """Return method and regularisers of gin/methods/default.gin.

    GDW without clean data: its meta set is FSR's dictionary, its virtual step
    moves the head only.
    """
    weight_net = WeightNet(optimizer=Adam(3e-4), normalise=True)
    method = GDW(
        meta=Dictionary(),
        scope="head",
        weight_net=weight_net,
        warmup=0.15,
    )
    return {"method": method, "regularisers": [PosteriorWeights()]}
