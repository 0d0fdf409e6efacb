"""scikit-learn's handwritten digits: small, real, and need no download."""

import gin
import numpy as np
from sklearn.datasets import load_digits

from fsr_gdw_tf.data.source import arrays
from fsr_gdw_tf.data.splits import Splits, stratified_split


@gin.register
def digits(test_examples: int = 500, seed: int = 0) -> Splits:
    """Return splits of 1,797 images of 8 x 8 pixels, a test set held out."""
    data = load_digits()
    # Pixels are 0 to 16; networks expect 0 to 255.
    images = np.round(data.images * (255 / 16)).astype(np.uint8)
    source = arrays(images[..., None], data.target)
    return Splits(*stratified_split(source, test_examples, seed))
