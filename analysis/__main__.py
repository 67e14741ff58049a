"""`python -m analysis`: the same as `analyze`."""

from analysis.cli import main

if __name__ == "__main__":
    main()
