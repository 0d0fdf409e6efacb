"""The default beside plain training, and what other methods gain or lose."""

from panel_table import against_plain, worst_losses

ROWS = """setting,method,seed,last5,best,balanced,worst_class,auroc
text none,supervised,0,0.6,0.6,0.6,0.6,
text none,supervised,1,0.7,0.7,0.6,0.6,
text none,supervised,2,0.1,0.7,0.6,0.6,
text none,default,0,0.62,0.7,0.6,0.6,
text none,default,1,0.71,0.7,0.6,0.6,
text uniform 40,supervised,0,0.6,0.6,0.6,0.6,
text uniform 40,gce,0,0.9,0.9,0.9,0.9,
CIFAR none,default,0,0.5,0.5,0.5,0.5,
CIFAR uniform 40,default,0,0.512,0.5,0.5,0.5,
CIFAR uniform 40,supervised,0,0.524,0.5,0.5,0.5,
CIFAR uniform 40,oracle,0,0.65,0.65,0.6,0.6,
"""


def test_seeds_of_both_are_averaged_and_the_rest_is_left_out(tmp_path):
    """Seed 2 of plain training has no default; CIFAR none no plain run."""
    (tmp_path / "panel_validation.csv").write_text(ROWS)
    header, lines, note = against_plain(tmp_path)
    assert lines == [
        ["CIFAR uniform 40", "52.4", "51.2", "-1.2", "65.0", "1"],
        ["text none", "65.0", "66.5", "+1.5", "-", "2"],
    ]
    assert len(header) == 6 and "held-out" in note
    # -1.2 and +1.5
    assert note.startswith("Mean difference +0.2, smallest -1.2. Per cent")
    (tmp_path / "panel.csv").write_text(ROWS)
    verdict = against_plain(tmp_path, "panel.csv")
    assert verdict[1] == lines and "of test examples" in verdict[2]


def test_gains_are_over_the_settings_a_method_was_measured_in(tmp_path):
    """The default: -1.2 and the mean of +2 and +1, .15 on average.

    A method with one setting has no row.
    """
    (tmp_path / "panel_validation.csv").write_text(ROWS)
    header, lines, _ = worst_losses(tmp_path)
    assert len(header) == 5
    best, worst = "+1.5, text none", "-1.2, CIFAR uniform 40"
    assert lines == [["`default`", "2", "+0.2", best, worst]]
