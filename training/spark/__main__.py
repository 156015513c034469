"""`python -m training.spark`."""

import os

# Read once, when torch loads: threads that wait sleep, or they starve each other on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from training.spark.commands import main

if __name__ == "__main__":
    main()
