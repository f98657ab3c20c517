"""简体中文。用词见 docs/words.md。"""

from vaultd_cli.catalogue.zh.begin import BEGIN
from vaultd_cli.catalogue.zh.browse import BROWSE
from vaultd_cli.catalogue.zh.copies import COPIES
from vaultd_cli.catalogue.zh.failures import FAILURES
from vaultd_cli.catalogue.zh.guard import GUARD
from vaultd_cli.catalogue.zh.keep import KEEP
from vaultd_cli.catalogue.zh.leaving import LEAVING
from vaultd_cli.catalogue.zh.letting_go import LETTING_GO
from vaultd_cli.catalogue.zh.look import LOOK
from vaultd_cli.catalogue.zh.notices import NOTICES
from vaultd_cli.catalogue.zh.pruning import PRUNING
from vaultd_cli.catalogue.zh.talk import TALK
from vaultd_cli.catalogue.zh.verbs import VERBS

SENTENCES = VERBS | TALK | FAILURES | COPIES | BEGIN | KEEP | LOOK | NOTICES | BROWSE | GUARD
SENTENCES |= LETTING_GO | LEAVING | PRUNING
