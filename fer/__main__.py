"""`python -m fer`: everything the pages do, without a browser."""

from fer.cli import main

if __name__ == "__main__":
    main()
