"""Run the command line: `python -m fer`, the same as the `fer` command of an installed package."""

from fer.cli import main

if __name__ == "__main__":
    main()
