"""Wrong values of every setting, and how the answer to each begins.

The types and ranges are written down here again, not taken from the package.
"""

MAX_WHOLE = 2**31 - 1
WHOLE = {  # the smallest allowed value
    **dict.fromkeys(["EPOCHS", "BATCH_SIZE", "META_BATCH_SIZE"], 1),
    **dict.fromkeys(["STEPS_PER_EXECUTION", "IMAGE_SIZE"], 1),
    **dict.fromkeys(["SEED", "META_PER_CLASS", "CLASSES"], 0),
}
WHOLE_OR_NONE = {
    **dict.fromkeys(["TRAIN_EXAMPLES", "REPLICAS", "DICTIONARY"], 1),
    **dict.fromkeys(["REWARD_BATCH", "SAVE_EVERY"], 1),
}
# Numbers just outside of the range, and the range in words.
NUMBER = {
    **dict.fromkeys(["WARMUP", "FSR_WARMUP"], (["-1", "-0.1"], "0 or more")),
    **dict.fromkeys(["FINETUNE_FROM", "L2"], (["-1", "-1e-9"], "0 or more")),
    "RELABEL_WEIGHT": (["-0.5"], "0 or more"),
    "LEARNING_RATE": (["0", "0.0", "-0.1"], "more than 0"),
    "WEIGHT_NET_RATE": (["0", "-1e-3"], "more than 0"),
    "NOISE": (["-0.1", "1.1", "40"], "in [0, 1]"),
    "FORGET_RATE": (["-0.1", "1", "1.0", "2"], "in [0, 1)"),
    "IMBALANCE": (["0", "-1", "1.5", "100"], "in (0, 1]"),
}
NUMBER_OR_NONE = {
    "OUTER_RATE": (["0", "-1"], "more than 0"),
    "EMA": (["0", "1", "1.0", "1.5", "-0.9", "999"], "in (0, 1)"),
}
FLAG = ["PER_REPLICA", "META_IN_TRAINING", "SYNC_BATCH_NORM", "TRACK_LABELS"]
FLAG += ["CACHE"]
TEXT = ["MODE", "NOISE_KIND", "STRATEGY", "PRECISION", "SCOPE", "PUSHER"]
TEXT += ["REWARD_FEATURES", "META", "TRAIN_LIST"]
TEXT_OR_NONE = ["DEVICE", "CLEANED", "DATA_DIR", "META_STATISTICS"]
TEXT_OR_NONE += ["IMAGENET_DIR", "TEST_LIST", "WEIGHTS"]

# Settings that gin/digits.gin does not have.
FILES = {
    **dict.fromkeys(["IMAGE_SIZE", "CACHE", "DATA_DIR"], "gin/folder.gin"),
    **dict.fromkeys(["CLASSES", "IMAGENET_DIR"], "gin/webvision.gin"),
    **dict.fromkeys(["TRAIN_LIST", "TEST_LIST"], "gin/file_list.gin"),
    **dict.fromkeys(["META", "WEIGHTS"], "gin/clothing1m.gin"),
}
# A folder of images chooses these by itself.
AUTO = ["BATCH_SIZE", "EPOCHS", "IMAGE_SIZE", "LEARNING_RATE", "FINETUNE_FROM"]
NO_NUMBER = ["'10'", "'ten'", "''", "b'10'", "True", "False", "[10]", "(10,)"]
NO_NUMBER += ["{'a': 10}", "[]"]
NO_WHOLE = [*NO_NUMBER, "2.5", "1e3", "10.0", "1e999", "-1e999", "1j"]
NO_FLAG = ["'no'", "'True'", "'false'", "''", "0", "1", "1.0", "[True]", "{}"]
NO_TEXT = ["0", "1", "0.5", "True", "b'a'", "['a']", "('a',)", "{'a': 'b'}"]
NO_LIST = ["'gdw'", "1", "True", "None", "[]", "()", "[1]", "['gdw', None]"]
NO_LIST += ["[['gdw']]", "{'gdw': 1}", "b'gdw'", "[b'gdw']"]


def bad_settings() -> list[tuple[str, str, str]]:
    """Return (gin file, binding, beginning of the error) of each case."""
    rows = []
    for kind in (_whole, _numbers, _others):
        for name, value, told in kind():
            file = FILES.get(name, "gin/digits.gin")
            rows.append((file, f"{name}={value}", f"{name} must be {told}"))
    return rows


def _whole():
    for name, low in (WHOLE | WHOLE_OR_NONE).items():
        or_none = " or None" if name in WHOLE_OR_NONE else ""
        or_auto = " or 'auto'" if name in AUTO else ""
        nothing = [] if or_none else ["None"]
        for value in [*NO_WHOLE, *nothing]:
            yield name, value, f"a whole number{or_none}{or_auto}, got "
        for value in (low - 1, -(10**30)):
            yield name, value, f"{low} or more, got {value}"
        for value in (MAX_WHOLE + 1, 10**30):
            yield name, value, f"at most {MAX_WHOLE}, got {value}"


def _numbers():
    for name, (values, span) in (NUMBER | NUMBER_OR_NONE).items():
        or_none = " or None" if name in NUMBER_OR_NONE else ""
        or_auto = " or 'auto'" if name in AUTO else ""
        nothing = [] if or_none else ["None"]
        for value in [*NO_NUMBER, *nothing, "1j"]:
            yield name, value, f"a number{or_none}{or_auto}, got "
        for value in [*values, "1e999", "-1e999"]:
            yield name, value, f"{span}, got "


def _others():
    for name in FLAG:
        for value in [*NO_FLAG, "None"]:
            yield name, value, "True or False, got "
    for value in [*NO_FLAG, "None", "'maybe'", "'Auto'"]:
        yield "JIT_COMPILE", value, "True or False or 'auto', got "
    for name in [*TEXT, *TEXT_OR_NONE]:
        or_none = " or None" if name in TEXT_OR_NONE else ""
        for value in [*NO_TEXT, *([] if or_none else ["None"])]:
            yield name, value, f"a text in quotes{or_none}, got "
    for value in NO_LIST:
        yield "COMPARE", value, "a list of names, got "
