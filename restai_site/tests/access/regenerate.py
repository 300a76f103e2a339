"""Write the expectation file anew: `python -m restai_site.tests.access.regenerate`.

Read the difference before you commit it: each changed number is somebody's right.
"""

import os
import subprocess
import sys
from pathlib import Path

MATRIX = Path(__file__).with_name("test_matrix.py")

if __name__ == "__main__":
    environment = {**os.environ, "ACCESS_REGENERATE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", str(MATRIX)]
    sys.exit(subprocess.run(command, env=environment, check=False).returncode)
