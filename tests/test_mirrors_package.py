"""Every module of the package has a test file at the same path."""

from pathlib import Path

from support.paths import ROOT, TESTS

PACKAGE = ROOT / "fsr_gdw_tf"
# Modules without a test file of their own: where they are tested.
EXCEPTIONS = {
    "data/batch_dicts.py": "data/test_data_adapter.py",
    "callbacks/dictionary.py": "dictionary/test_dictionary.py",
    "command_line.py": "end_to_end/test_bad_input.py",
    "distribution/devices.py": "contract/test_replicas.py",
    "data/user_data.py": "contract/test_data_kinds.py",
    "errors.py": "end_to_end/test_bad_input.py",
    "experiments/evaluation.py": "end_to_end/test_command_line.py",
    "experiments/modes.py": "end_to_end/test_command_line.py",
    "io/console.py": "experiments/test_compare.py",
    "lookahead/meta_loss.py": "gradients/test_meta_loss.py",
    "lookahead/settings.py": "contract/test_settings.py",
    "lookahead/virtual_weights.py": "gradients/test_closed_forms.py",
    "main.py": "end_to_end/test_command_line.py",
    "method.py": "contract/test_contract.py",
    "methods/focal.py": "test_losses.py",
    "methods/gce.py": "test_losses.py",
    "methods/insw.py": "gradients/test_central_differences.py",
    "methods/l2rw.py": "gradients/test_central_differences.py",
    "methods/supervised.py": "test_classifier.py",
    "methods/weight_net.py": "methods/test_mwnet.py",
    "networks/inner_features.py": "networks/test_split.py",
    "networks/moving_average.py": "test_classifier.py",
    "networks/scope.py": "lookahead/test_step.py",
    "paper_figures/catalogue.py": "paper_figures/test_plots.py",
    "recorders/learned_label_stats.py": "methods/test_learned_labels.py",
    "recorders/noise_matrix_stats.py": "methods/test_forward_correction.py",
    "recorders/recorder.py": "recorders/test_training_dynamics.py",
    "recorders/weight_stats.py": "methods/test_reweighting.py",
    "trainer/fit_data.py": "contract/test_data_kinds.py",
    "trainer/on_batch.py": "trainer/test_keras_habits.py",
    "trainer/train_step.py": "test_classifier.py",
}


def modules() -> list[str]:
    """Return the modules of the package, without the `__init__` files."""
    paths = PACKAGE.rglob("*.py")
    names = {path.relative_to(PACKAGE).as_posix() for path in paths}
    return sorted(n for n in names if not n.endswith("__init__.py"))


def unit_test(module: str) -> Path:
    """Return the path of a module's test file."""
    path = TESTS / module
    return path.with_name(f"test_{path.name}")


def test_every_module_has_its_test_file():
    missing = [
        module
        for module in modules()
        if not unit_test(module).is_file() and module not in EXCEPTIONS
    ]
    assert missing == []


def test_no_exception_is_stale():
    for module, where in EXCEPTIONS.items():
        assert module in modules(), module
        assert not unit_test(module).is_file(), module
        assert (TESTS / where).is_file(), module
