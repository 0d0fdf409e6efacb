"""Package metadata; the settings of tools are in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

setup(
    name="fsr-gdw-tf",
    version="0.1.0",
    description="Train Keras classifiers on noisy or imbalanced labels: "
    "FSR, GDW and their baselines",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="The fsr_gdw_tf authors",
    project_urls={
        "FSR": "https://arxiv.org/abs/2109.03216",
        "GDW": "https://arxiv.org/abs/2111.00056",
    },
    python_requires=">=3.10",
    # gin/ is at the top of the repository, and is installed in the package.
    packages=[*find_packages(include=["fsr_gdw_tf*"]), "fsr_gdw_tf.gin"],
    package_dir={"fsr_gdw_tf.gin": "gin"},
    package_data={
        "fsr_gdw_tf": ["py.typed", "*.pyi"],
        "fsr_gdw_tf.gin": ["*.gin", "data/*.gin", "methods/*.gin"],
        "fsr_gdw_tf.label_report": ["*.css", "*.html", "*.js"],
    },
    install_requires=[
        "absl-py>=2.0",
        "gin-config>=0.5",
        "importlib_resources>=6",  # for tensorflow-datasets, which omits it
        "keras>=3.12",
        "matplotlib>=3.8",
        "numpy>=1.26",
        "pillow>=10",
        "pyarrow>=15",
        "rich>=13",
        "scikit-learn>=1.4",
        "scipy>=1.11",
        "tensorflow>=2.20",
        "tensorflow-datasets>=4.9.7",
    ],
    extras_require={
        "gpu": ["tensorflow[and-cuda]>=2.20"],
        "tensorboard": ["tensorboard>=2.20"],
        # For label_issues.py, run_step.py and full_scale/run.py there.
        "benchmark": ["cleanlab>=2.6", "jax>=0.7"],
        # Tests of formats with their own packages are skipped without them.
        "exchange": [
            "cleanlab>=2.6",
            "datasets>=3",
            "fiftyone>=1",
            "label-studio-sdk>=1",
        ],
        "examples": ["ipykernel>=6", "jupytext>=1.16", "nbclient>=0.10"],
        "docs": ["mkdocs-material>=9.5", "mkdocstrings[python]>=0.27"],
        "dev": [
            "hypothesis>=6.100",
            "jax>=0.7",  # tests of exported steps are skipped without it
            "mypy>=1.13",
            "playwright>=1.40",  # with Chromium, or browser tests are skipped
            "pre-commit>=3.7",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.8",
            "setuptools>=68",
        ],
    },
    entry_points={"console_scripts": ["fsr-gdw = fsr_gdw_tf.main:start"]},
    keywords=["label noise", "noisy labels", "class imbalance", "Keras"],
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
)
