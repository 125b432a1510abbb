"""``fedpacs doctor``."""

from fedpacs.cli.options import AsJson
from fedpacs.cli.output import plain, print_json, say, show_checks, stdout
from fedpacs.cli.verdict import leave
from fedpacs.core.errors import MachineError


def doctor(as_json: AsJson = False) -> None:
    """Say what is missing on this machine, and how to get it."""
    from fedpacs.agent.doctor import doctor as examine

    items = examine()
    failed = sum(item.required and not item.passed for item in items)
    if as_json:
        print_json({"passed": not failed, "checks": plain(items)})
    else:
        show_checks(items)
    if failed:
        leave(
            MachineError(
                f"{failed} of {len(items)} checks failed.",
                hint="Follow the advice under each FAIL, then run `fedpacs doctor` again.",
            ),
            as_json=as_json,
        )
    if not as_json:
        say(stdout(), "\nThis machine is ready. Next: `fedpacs demo`")
