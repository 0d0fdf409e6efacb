"""Wide ResNets."""

from support.networks import parameters

from fsr_gdw_tf import networks


def test_wide_resnet_28_10_counted_by_hand():
    def block(before, width):
        norms = 2 * before + 2 * width
        return norms + 9 * before * width + 9 * width * width

    groups = sum(
        block(before, width) + 3 * block(width, width)
        for before, width in ((16, 160), (160, 320), (320, 640))
    )
    expected = 9 * 3 * 16 + groups + 2 * 640 + 640 * 10 + 10
    assert parameters(networks.wide_resnet((32, 32, 3), 10)) == expected
