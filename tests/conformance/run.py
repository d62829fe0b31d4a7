"""Start the conformance runner from anywhere: ``python tests/conformance/run.py``."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    runpy.run_module("tests.conformance.suite", run_name="__main__")
