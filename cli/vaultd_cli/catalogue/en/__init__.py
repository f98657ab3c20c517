"""English."""

from vaultd_cli.catalogue.en.failures import FAILURES
from vaultd_cli.catalogue.en.talk import TALK
from vaultd_cli.catalogue.en.verbs import VERBS

SENTENCES = VERBS | TALK | FAILURES
