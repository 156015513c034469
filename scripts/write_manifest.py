"""Record size and sha256 of the bundled weights: `python scripts/write_manifest.py FOLDER`.

Run it after new weights were put into src/reelkiln/models/bundled/NAME, and commit the result.
"""

import sys
from pathlib import Path

from reelkiln.models.manifest import write_manifest

if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python scripts/write_manifest.py src/reelkiln/models/bundled/NAME")
    print(write_manifest(Path(sys.argv[1])))
