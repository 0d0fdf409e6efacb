"""Parts of networks: shortcuts and convolutions."""

import keras
import numpy as np


def test_shortcuts_without_weights_skip_pixels_and_pad_channels():
    from fsr_gdw_tf.networks.parts import identity_shortcut

    x = keras.Input((4, 4, 2))
    thin = keras.Model(x, identity_shortcut(x, 4, 2))
    image = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
    out = thin(image).numpy()
    np.testing.assert_array_equal(out[..., 1:3], image[:, ::2, ::2])
    np.testing.assert_array_equal(out[..., [0, 3]], 0)


def test_strided_convolutions_pad_alike_on_both_sides():
    from fsr_gdw_tf.networks.parts import conv

    x = keras.Input((4, 4, 1))
    model = keras.Model(x, conv(x, 1, 3, 2, "ones"))
    out = model(np.ones((1, 4, 4, 1), np.float32)).numpy()[0, ..., 0]
    np.testing.assert_array_equal(out, [[4, 6], [6, 9]])
