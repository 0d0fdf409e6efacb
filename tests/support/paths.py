"""Where the repository, its tests and its recipes are."""

from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
RUN_FILES = sorted(p.name for p in ROOT.glob("gin/*.gin") if p.stem != "base")
