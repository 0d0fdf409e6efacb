"""The launch script and the manifest of Kubernetes."""

import json
import re
import subprocess

import pytest
from support.launch import (
    KUBERNETES,
    LAUNCH,
    RECIPE,
    dry,
    first_on_path,
    launch,
    stand_in,
)

KINDS = ("Service", "PersistentVolumeClaim", "Job")


def yaml_of(cwd, *args) -> str:
    first, *lines, last = dry(cwd, *KUBERNETES, *args, RECIPE)
    assert (first, last) == ("kubectl apply -f - <<'YAML'", "YAML")
    return "\n".join(lines) + "\n"


def check_yaml(text: str):
    """What a reader of YAML would stumble over first."""
    lines = [x for x in text.splitlines() if not x.lstrip().startswith("#")]
    kinds = [x for x in lines if x.startswith("kind: ")]
    assert kinds == [f"kind: {k}" for k in KINDS]
    assert lines.count("---") == 2
    entry = re.compile(r'( *)(- )?([\w./-]+:( \S.*)?|"[^\t]*"|\||[\w-]+)')
    snippet, depth = snippet_of(text), 0
    for line in lines:
        if line == "---" or line.strip() in snippet:
            continue
        found = entry.fullmatch(line.split("  #")[0])
        assert found, line
        indent = len(found[1])
        assert indent % 2 == 0 and indent <= depth + 4, line
        depth = indent


def snippet_of(text: str) -> list[str]:
    """The shell script in the arguments of the container."""
    _, _, block = text.partition("            - |\n")
    block, _, _ = block.partition("            - train\n")
    return [line.strip() for line in block.splitlines()]


def test_kubernetes_fills_in_what_differs(tmp_path):
    text = yaml_of(
        tmp_path, "--workers=3", "--gpus=8", "--name=web", "--gin_param=A='b'"
    )
    check_yaml(text)
    assert "  completionMode: Indexed\n" in text
    assert "  completions: 3\n  parallelism: 3\n" in text
    assert 'name: WORKERS\n              value: "3"\n' in text
    assert "nvidia.com/gpu: 8\n" in text and 'image: "a/b:1"\n' in text
    # Service, Job and subdomain have to be of one name, the volume of another.
    assert text.count("  name: web\n") == 2 and "subdomain: web\n" in text
    assert "fsr-gdw-tf" not in text and "claimName: training-data\n" in text
    _, given = text.split("            - train\n")
    assert given.startswith(
        "            - \"--gin_param=STRATEGY='multi_worker'\"\n"
        '            - "--run_dir=/data/r"\n'
        "            - \"--gin_param=A='b'\"\n"
        '            - "--gin_file=gin/digits.gin"\n'
        "          ports:\n"
    )


def test_kubernetes_saves_starts_again_and_shares_the_volume(tmp_path):
    text = yaml_of(tmp_path)
    for line in (
        "clusterIP: None",
        "restartPolicy: OnFailure",
        "terminationGracePeriodSeconds: 120",
        "- ReadWriteMany",
        "mountPath: /data",
    ):
        assert f" {line}\n" in text
    assert re.search(r"^  backoffLimit: \d+", text, re.MULTILINE)


def test_kubernetes_quotes_what_yaml_and_kubernetes_would_read(tmp_path):
    text = yaml_of(tmp_path, '--gin_param=A="\\d $(B)"')
    assert '            - "--gin_param=A=\\"\\\\d $$(B)\\""\n' in text


def test_the_yaml_is_good_without_the_script():
    check_yaml((LAUNCH / "kubernetes" / "job.yaml").read_text())


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_pod_is_told_of_all_and_which_it_is(shell, tmp_path):
    stand_in(tmp_path, "python", 'echo "$TF_CONFIG"; printf "%s\n" "$@" >&2')
    script = "\n".join(snippet_of(yaml_of(tmp_path, "--workers=3")))
    ended = subprocess.run(
        [shell, "-euc", script, "train", "--gin_param=A='b c'"],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PATH": first_on_path(tmp_path),
            "JOB": "web",
            "WORKERS": "3",
            "JOB_COMPLETION_INDEX": "1",
        },
    )
    assert json.loads(ended.stdout) == {
        "cluster": {
            "worker": ["web-0.web:2222", "web-1.web:2222", "web-2.web:2222"]
        },
        "task": {"type": "worker", "index": 1},
    }
    given = ["-m", "fsr_gdw_tf.main", "--gin_param=A='b c'"]
    assert ended.stderr.splitlines() == given


def test_kubectl_gets_what_the_dry_run_shows(tmp_path):
    stand_in(tmp_path, "kubectl", 'echo "$@"; cat')
    path = first_on_path(tmp_path)
    ended = launch(tmp_path, *KUBERNETES, RECIPE, "--yes", PATH=path)
    assert ended.stdout == "apply -f -\n" + yaml_of(tmp_path)
