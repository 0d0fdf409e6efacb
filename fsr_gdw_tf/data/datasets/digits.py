"""Handwritten digits that come with scikit-learn: real, small, no download."""

import gin
import numpy as np
from sklearn.datasets import load_digits

from fsr_gdw_tf.data.source import arrays
from fsr_gdw_tf.data.splits import Splits, stratified_split


@gin.register
def digits(test_examples: int = 500, seed: int = 0) -> Splits:
    """1,797 images of 8 x 8 pixels, some of them held out for test."""
    data = load_digits()
    # Pixels are 0 to 16; stretched to bytes like any other image.
    images = np.round(data.images * (255 / 16)).astype(np.uint8)
    source = arrays(images[..., None], data.target)
    return Splits(*stratified_split(source, test_examples, seed))
