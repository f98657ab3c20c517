"""`vaultd serve-webdav`: old states for where nothing can be mounted."""

import signal
import threading
from importlib.util import find_spec

import click

from vaultd_cli.catalogue import say
from vaultd_cli.command import command
from vaultd_cli.run import Run


@command("serve-webdav", unlocks=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N", help=say("option.port"))
def serve_webdav(run: Run, port: int) -> int:
    from vaultd.browse.past import Past
    from vaultd.errors import NeedsExtra
    from vaultd.jobs.elsewhere import from_anywhere

    if find_spec("wsgidav") is None or find_spec("cheroot") is None:
        raise NeedsExtra("webdav")
    from vaultd.web.dav import USER, Serving

    with run.vault(away=True) as session, from_anywhere(session) as blobs:
        past = Past(session.vault, blobs, lambda: run.mend(session, blobs))
        serving = Serving(past, port)
        words = {"url": serving.url, "user": USER, "password": serving.password}
        if run.json:
            run.console.json(words)
        else:
            run.console.answer("webdav.serves", **words)
        run.console.flush()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # The server waits for its threads, and one of them may be the one that the signal came to.
            signal.signal(number, lambda *_: threading.Thread(target=serving.stop).start())
        with past.kept_up(lambda _: None):
            serving.run()
    return 0
