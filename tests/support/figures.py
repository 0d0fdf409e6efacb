"""Run folders for the paper figures, and their command."""

import numpy as np
from support.models import blob_source

from fsr_gdw_tf import InputPipeline
from fsr_gdw_tf.figures import main
from fsr_gdw_tf.paper_figures.run import Run


def third_mislabelled():
    """Sixty points, a third of whose labels are wrong."""
    source = blob_source(n=60)
    wrong = (source.labels + (np.arange(60) % 9 < 3)) % 3
    return source.relabel(wrong, source.labels)


def fit_some(model, **kwargs) -> dict:
    clean = blob_source(n=12, seed=7)
    return model.fit(
        third_mislabelled(),
        meta=clean if model.method.uses_meta else None,
        pipeline=InputPipeline(12, meta_batch_size=6),
        verbose=0,
        **kwargs,
    ).history


def folder_of(path, metrics: str, **files: str):
    """A run folder with just these files in it."""
    path.mkdir(parents=True)
    (path / "metrics.csv").write_text(metrics)
    for name, text in files.items():
        (path / name.replace("_", ".", 1)).write_text(text)
    return Run(path, path.name)


def command(capsys, *arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `python -m fsr_gdw_tf.figures`."""
    code = 0
    try:
        main([str(a) for a in arguments])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err
