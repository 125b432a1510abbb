"""``fedpacs doctor``."""

from fedpacs.cli.options import AsJson
from fedpacs.cli.output import say, show_checks, stdout
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import MachineError


def doctor(as_json: AsJson = False) -> None:
    """Say what is missing on this machine, and how to get it."""
    from fedpacs.agent.doctor import doctor as examine

    items = examine()
    failed = sum(item.required and not item.passed for item in items)
    error = MachineError(
        f"{failed} of {len(items)} checks failed.",
        hint="Follow the advice under each FAIL, then run `fedpacs doctor` again.",
    )

    def tell() -> None:
        show_checks(items)
        if not failed:
            say(stdout(), "\nThis machine is ready. Next: `fedpacs demo`")

    report = {"passed": not failed, "checks": items}
    conclude(report, error if failed else None, tell, as_json=as_json)
