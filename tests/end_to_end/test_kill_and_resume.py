"""Runs that are stopped and resumed end with the same bits."""

import pytest
from end_to_end.kill_and_resume import STOPS, trial

SMALL = ("small_cnn.widths=(4, 8)", "TRAIN_EXAMPLES=400")


@pytest.mark.slow
def test_a_kill_and_a_sigterm_do_not_change_a_bit(tmp_path):
    """The long version: kill_and_resume.py --stops=12, beside this file."""
    assert trial(tmp_path, STOPS[:2], 12, 0.3, settings=SMALL)


@pytest.mark.slow
def test_two_hosts_go_on_after_one_of_them_is_stopped(tmp_path):
    """The other one ends, too; both are started again."""
    assert trial(tmp_path, STOPS[:2], 5, 0.2, hosts=2, settings=SMALL)
