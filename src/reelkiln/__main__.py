"""The program `reelkiln`, also as `python -m reelkiln`."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line of this process; returns its exit code."""
    try:
        from reelkiln.cli.main import run  # noqa: PLC0415 - also Ctrl-C while this is read is ours
    except KeyboardInterrupt:
        return 130
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
