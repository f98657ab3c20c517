"""English."""

from vaultd_cli.catalogue.en.begin import BEGIN
from vaultd_cli.catalogue.en.browse import BROWSE
from vaultd_cli.catalogue.en.copies import COPIES
from vaultd_cli.catalogue.en.failures import FAILURES
from vaultd_cli.catalogue.en.guard import GUARD
from vaultd_cli.catalogue.en.keep import KEEP
from vaultd_cli.catalogue.en.leaving import LEAVING
from vaultd_cli.catalogue.en.letting_go import LETTING_GO
from vaultd_cli.catalogue.en.look import LOOK
from vaultd_cli.catalogue.en.notices import NOTICES
from vaultd_cli.catalogue.en.pruning import PRUNING
from vaultd_cli.catalogue.en.talk import TALK
from vaultd_cli.catalogue.en.verbs import VERBS

SENTENCES = VERBS | TALK | FAILURES | COPIES | BEGIN | KEEP | LOOK | NOTICES | BROWSE | GUARD
SENTENCES |= LETTING_GO | LEAVING | PRUNING
