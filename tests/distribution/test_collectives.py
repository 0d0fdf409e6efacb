"""Waiting for other hosts."""

import pytest
import tensorflow as tf

from fsr_gdw_tf.distribution import collectives


def sums(monkeypatch, *results):
    """Let the sums over all hosts be these, or fail with them."""
    left = list(results)

    def total(value, strategy):
        result = left.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(collectives, "total_over_replicas", total)
    return left


SOCKET_CLOSED = tf.errors.UnavailableError(None, None, "Socket closed")


def test_a_host_that_exits_first_does_not_make_others_fail(monkeypatch):
    """It has the first sum and goes; the others find its socket closed."""
    left = sums(monkeypatch, 0, SOCKET_CLOSED)
    collectives.wait_for_all(None)
    assert not left


def test_a_host_that_never_came_does(monkeypatch):
    sums(monkeypatch, SOCKET_CLOSED)
    with pytest.raises(tf.errors.UnavailableError):
        collectives.wait_for_all(None)
