"""`python -m vaultd_cli` is `vaultd`."""

from vaultd_cli.main import main

if __name__ == "__main__":
    main()
