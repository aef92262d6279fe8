"""`python -m robustness`."""

from robustness.cli.main import main

if __name__ == "__main__":
    main()
