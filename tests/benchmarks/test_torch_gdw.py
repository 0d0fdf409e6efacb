"""The comparison in PyTorch is GDW, in both of its forms."""

import csv
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "torch_gdw.py"
GOLDEN = np.load(ROOT / "tests" / "golden" / "gdw_golden.npz")
PARTS = ("cls", "wnet")  # the network, the weight net
FORMS = ["gdw_official", "gdw_double_backward"]


@pytest.fixture(scope="module")
def torch():
    reason = "the comparison needs PyTorch, which is no dependency"
    return pytest.importorskip("torch", reason=reason)


@pytest.fixture(scope="module")
def script(torch):
    """Return the script as a module."""
    return importlib.import_module("torch_gdw")


def run(*command):
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )


def golden(name):
    return GOLDEN[f"gdw_soft/{name}"]


def parameters(sharp=False):
    """Return golden ones; sharp: p reaches its cap, omega its floor."""
    names = [f"{part}_{k}{i}" for part in PARTS for i in (1, 2) for k in "kb"]
    values = {name: golden(name) for name in names}
    if sharp:
        values["cls_k2"] = 10 * values["cls_k2"]
        values["wnet_b2"] = values["wnet_b2"] - 8
    return values


def linear_layers(module):
    return [layer for layer in module if hasattr(layer, "in_features")]


def make_state(torch, script, norm=False, sharp=False):
    """Return a network of 6 - 8 - 4 units with tanh, in float64."""

    def build():
        layers = [torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 4)]
        if norm:
            layers.insert(1, torch.nn.BatchNorm1d(8))
        return torch.nn.Sequential(*layers).double()

    network, net = build(), script.weight_net().double()
    values = parameters(sharp)
    for part, module in zip(PARTS, (network, net), strict=True):
        for i, layer in zip((1, 2), linear_layers(module), strict=True):
            layer.weight.data = torch.tensor(values[f"{part}_k{i}"].T)
            layer.bias.data = torch.tensor(values[f"{part}_b{i}"])
    optimizers = (
        torch.optim.SGD(network.parameters(), float(golden("lr_model"))),
        torch.optim.SGD(net.parameters(), float(golden("lr_wnet"))),
    )
    return script.TrainState(build, network, net, *optimizers)


def make_batch(torch, script):
    names = ("x", "y", "xv", "yv")
    return script.Batch(*(torch.tensor(golden(name)) for name in names))


def check(tensor, expected, rtol=1e-10):
    np.testing.assert_allclose(
        tensor.detach().numpy(), expected, rtol=rtol, atol=1e-12
    )


@pytest.mark.parametrize("form", FORMS)
def test_one_step_is_the_official_codes(torch, script, form):
    """The golden numbers are those of the official code, run unmodified."""
    state = make_state(torch, script)
    omega = getattr(script, form)(state, make_batch(torch, script))
    check(omega, golden("omega2"))
    for part, module in (("cls", state.network), ("wnet", state.net)):
        for i, layer in zip((1, 2), linear_layers(module), strict=True):
            check(layer.weight, golden(f"{part}_new_k{i}").T)
            check(layer.bias, golden(f"{part}_new_b{i}"))


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def cross_entropy(z, labels):
    return -np.log(softmax(z)[np.arange(len(z)), labels])


def zero_mean(omega, p, labels):
    """Eq. 4, an example at a time."""
    omega = omega.copy()
    for i, t in enumerate(labels):
        others = sum(omega[i, j] * p[i, j] for j in range(4) if j != t)
        omega[i, t] = others / (1 - p[i, t])
    return omega


def meta_loss(omega, error, of):
    """Return the meta loss after a virtual step, in NumPy."""
    x, k2 = golden("x"), of["cls_k2"]
    h = np.tanh(x @ of["cls_k1"] + of["cls_b1"])
    d = omega * error / len(x)
    d_hidden = d @ k2.T * (1 - h**2)
    k1 = of["cls_k1"] - 0.1 * x.T @ d_hidden
    b1 = of["cls_b1"] - 0.1 * d_hidden.sum(0)
    b2 = of["cls_b2"] - 0.1 * d.sum(0)
    z = np.tanh(golden("xv") @ k1 + b1) @ (k2 - 0.1 * h.T @ d) + b2
    return cross_entropy(z, golden("yv")).mean()


def differences(omega, error, of, h=1e-4):
    """Return central differences of the meta loss."""
    g = np.zeros_like(omega)
    for at in np.ndindex(*omega.shape):
        up, down = omega.copy(), omega.copy()
        up[at] += h
        down[at] -= h
        change = meta_loss(up, error, of) - meta_loss(down, error, of)
        g[at] = change / (2 * h)
    return g


@pytest.mark.parametrize("sharp", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_omega_is_the_rule_on_finite_differences(torch, script, form, sharp):
    of, labels = parameters(sharp), golden("y")
    z = np.tanh(golden("x") @ of["cls_k1"] + of["cls_b1"]) @ of["cls_k2"]
    z += of["cls_b2"]
    p = np.minimum(softmax(z), 0.999)
    losses = cross_entropy(z, labels)[:, None]
    inner = np.maximum(losses @ of["wnet_k1"] + of["wnet_b1"], 0)
    weight = 1 / (1 + np.exp(-inner @ of["wnet_k2"] - of["wnet_b2"]))
    omega = zero_mean(np.repeat(weight, 4, axis=1), p, labels)
    g = differences(omega, p - np.eye(4)[labels], of)
    # 2 is .1 for each of 5 x 4 weights.
    update = 2 * g / np.abs(g).sum()
    moved = omega - np.clip(update, -0.2, 0.2)
    if sharp:  # or the bounds would not be tested
        capped, target = p == 0.999, np.eye(4)[labels] == 1
        assert (capped & target).any() and (capped & ~target).any()
        assert (moved < 0)[~target].any() and (np.abs(update) > 0.2).any()
    expected = zero_mean(np.clip(moved, 1e-6, 1e6), p, labels)
    state = make_state(torch, script, sharp=sharp)
    actual = getattr(script, form)(state, make_batch(torch, script))
    check(actual, expected, rtol=1e-6)


def test_stage_one_meets_the_constraint_too(torch, script):
    """Weight .5; with p_t capped, omega_t = .5 (1 - p_t) / .001.

    exp(-10) = 4.53999e-5, so 1 - p_t = 9.07999e-5 / 1.0000908 = 9.07916e-5.
    """
    logits = torch.tensor([[10.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    omega = script.first_weights(lambda x: 0 * x + 0.5, logits, target)
    expected = [[0.0453958, 0.5, 0.5], [0.5, 0.5, 0.5]]
    check(omega, expected, rtol=1e-4)


def test_both_forms_train_alike_with_batch_norm(torch, script):
    """Three steps; running statistics move as in as many plain forwards."""
    states = [make_state(torch, script, norm=True) for _ in FORMS]
    batch = make_batch(torch, script)
    seen = []
    for form, state in zip(FORMS, states, strict=True):
        omegas = [getattr(script, form)(state, batch) for _ in range(3)]
        parts = (state.network, state.net)
        tensors = [part.state_dict().values() for part in parts]
        seen.append([*omegas, *tensors[0], *tensors[1]])
        assert state.network[1].num_batches_tracked == 3
    for official, lean in zip(*seen, strict=True):
        check(official, lean.numpy())


def test_running_statistics_see_the_training_batch_once(torch, script):
    """mean = .9 * 0 + .1 * that of the hidden layer on the batch."""
    mean = (golden("x") @ golden("cls_k1") + golden("cls_b1")).mean(0)
    for form in FORMS:
        state = make_state(torch, script, norm=True)
        getattr(script, form)(state, make_batch(torch, script))
        check(state.network[1].running_mean, 0.1 * mean)


def test_the_network_is_the_papers_resnet32(torch, script):
    """464,154 parameters in 95 arrays, as `networks.resnet32` has.

    Batch normalisation adds means and variances of 1,136 channels.
    """
    network = script.resnet32()
    sizes = [p.numel() for p in network.parameters()]
    assert (sum(sizes), len(sizes)) == (464_154, 95)
    buffers = [b.numel() for b in network.buffers() if b.ndim]
    assert sum(buffers) == 2 * 1_136
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_the_table_has_a_row_for_each_step(torch, tmp_path):
    flags = ["--batch=2", "--meta_batch=3", "--rounds=1", "--threads=1"]
    said = run(SCRIPT, *flags, "--steps=2", f"--csv={tmp_path / 'cost.csv'}")
    assert said.returncode == 0, said.stderr
    with (tmp_path / "cost.csv").open() as file:
        rows = list(csv.DictReader(file))
    measured = ["step", "seconds", "ratio"]
    settings = ["threads", "torch", "batch", "meta_batch", "tf32", "device"]
    assert list(rows[0]) == measured + settings
    assert [row["step"] for row in rows] == ["plain", *FORMS]
    assert rows[0]["ratio"] == "1.0"
    for row, line in zip(rows, said.stdout.splitlines()[1:], strict=True):
        assert [value or "-" for value in row.values()] == line.split()
        assert float(row["seconds"]) > 0
        found = [row[name] for name in settings]
        assert found == ["1", torch.__version__, "2", "3", "", "cpu"]


def test_times_are_of_a_step_and_medians_over_turns(torch, script, monkeypatch):
    """Turns of 2 steps: two to warm up, then 6, 2 and 4 seconds per turn."""
    taken, now, steps = [90, 90, 6, 2, 4], [0.0], []

    def step(state, batch):
        now[0] += taken[len(steps) // 2] / 2
        steps.append(state)

    monkeypatch.setattr(script, "STEPS", (step,))
    monkeypatch.setattr(script.time, "perf_counter", lambda: now[0])
    batch = script.random_batch(2, 3, "cpu")
    assert script.measure(batch, 3, 2) == {"step": 2.0}
    assert len(steps) == 10


@pytest.mark.filterwarnings("ignore:.*meta:UserWarning")
def test_all_tensors_are_on_the_device_of_the_batch(torch, script):
    """Tensors without data must not be mixed with those of the CPU."""
    batch = script.random_batch(2, 3, "meta")
    times = script.measure(batch, 1, 1)
    assert list(times) == ["plain", *FORMS]


@pytest.mark.parametrize("tf32", [False, True])
def test_one_setting_of_tf32_is_that_of_both_libraries(torch, script, tf32):
    backends = torch.backends
    before = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    script.prepare_device("cpu", tf32)
    after = backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32
    assert after == (tf32, tf32)
    backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32 = before


def test_a_gpu_that_is_not_there_is_one_line(torch):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    said = run(SCRIPT, "--device=cuda", "--rounds=1")
    assert said.returncode == 2 and not said.stdout
    assert said.stderr == (
        "error: --device=cuda needs a GPU, and PyTorch finds none\n"
    )


def test_a_number_below_one_is_rejected(torch):
    said = run(SCRIPT, "--rounds=0")
    assert said.returncode == 2
    assert said.stderr.endswith("--rounds: 1 or more, got '0'\n")


def test_without_pytorch_one_line_says_what_to_do():
    hidden = "import sys, runpy; sys.modules['torch'] = None; "
    said = run("-c", f"{hidden}runpy.run_path({str(SCRIPT)!r})")
    assert said.returncode == 2
    assert said.stderr == "error: this needs PyTorch: pip install torch\n"
