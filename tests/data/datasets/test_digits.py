"""The digits of scikit-learn."""

from fsr_gdw_tf.data import digits


def test_digits_of_another_seed_are_split_differently():
    assert (digits(seed=0).test.rows != digits(seed=1).test.rows).any()
