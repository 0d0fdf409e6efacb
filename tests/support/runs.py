"""Settings of a small run, and what its command line prints."""

TINY = [
    "--gin_file=gin/digits.gin",
    "--gin_param=EPOCHS=3",
    "--gin_param=TRAIN_EXAMPLES=120",
    "--gin_param=BATCH_SIZE=30",
    "--gin_param=small_cnn.widths=(4, 8)",
    "--gin_param=META_PER_CLASS=2",
]


def train_run(command_line, run, *more):
    code, out, err = command_line(*TINY, f"--run_dir={run}", *more)
    assert code == 0, err
    return out


def one_line(err: str) -> bool:
    return err.startswith("error: ") and err.count("\n") == 1
