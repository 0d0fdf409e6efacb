"""TensorFlow's stateless random numbers on a CPU, in NumPy alone.

`tf.random.stateless_uniform` and `stateless_fold_in` draw from Philox 4x32-10
(Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3"). Here many seeds
are one call: a seed is the last axis, of two integers, of an array. XLA draws
other numbers from the same seeds.
"""

import numpy as np

MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
WEYL = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)
# TensorFlow encrypts a seed by this key first.
SEED_KEY = np.array([0x3EC8F720, 0x02461E29], np.uint32)
ROUNDS = 10


def philox(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Encrypt counters `[..., 4]` by keys `[..., 2]`, all uint32."""
    x = [counter[..., i] for i in range(4)]
    key = key.copy()
    for _ in range(ROUNDS):
        products = [x[2 * i].astype(np.uint64) * MULTIPLIERS[i] for i in (0, 1)]
        high = [(p >> np.uint64(32)).astype(np.uint32) for p in products]
        low = [p.astype(np.uint32) for p in products]
        x = [
            *(high[1] ^ x[1] ^ key[..., 0], low[1]),
            *(high[0] ^ x[3] ^ key[..., 1], low[0]),
        ]
        key += WEYL
    return np.stack(np.broadcast_arrays(*x), axis=-1)


def random_bits(seed: np.ndarray, count: int) -> np.ndarray:
    """Return `[..., count]` random uint32 of each seed."""
    seed = np.asarray(seed)
    words = seed.astype(np.int64).view(np.uint32)  # little-endian: low, high
    mixed = philox(words, np.broadcast_to(SEED_KEY, seed.shape))
    blocks = -(-count // 4)
    counter = np.zeros((*seed.shape[:-1], blocks, 4), np.uint32)
    counter[..., 0] = np.arange(blocks)
    counter[..., 2:] = mixed[..., None, 2:]
    bits = philox(counter, mixed[..., None, :2])
    return bits.reshape(*seed.shape[:-1], 4 * blocks)[..., :count]


def uniform(seed: np.ndarray, count: int) -> np.ndarray:
    """Return `[..., count]` float32 in [0, 1) of each seed."""
    one = np.uint32(127 << 23)
    mantissa = random_bits(seed, count) & np.uint32(0x7FFFFF)
    return (mantissa | one).view(np.float32) - np.float32(1)


def below(seed: np.ndarray, count: int, limit: int) -> np.ndarray:
    """Return `[..., count]` integers in [0, limit) of each seed."""
    return random_bits(seed, count) % np.uint32(limit)


def fold_in(seed: np.ndarray, data: np.ndarray) -> np.ndarray:
    """Return the seeds `[..., 2]` of integers, of dtype int32 or int64."""
    data = np.asarray(data)
    bits = random_bits(seed, data.dtype.itemsize // 4)
    first = np.ascontiguousarray(bits).view(data.dtype)[..., 0]
    return np.stack(np.broadcast_arrays(first, data), axis=-1)
