"""How many examples the property tests try.

In the suite few, the same ones in each run; `make fuzz` sets FUZZ_EXAMPLES and
another seed in each round.
"""

import os

from hypothesis import HealthCheck, settings

examples = os.environ.get("FUZZ_EXAMPLES")
settings.register_profile(
    "here",
    max_examples=int(examples or 40),
    derandomize=examples is None,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
    ],
)
settings.load_profile("here")
