"""``fedpacs site series``: the site's names of series, put to a person and watched over time."""

from typing import Annotated

import typer

from fedpacs.cli.options import SITE_FILE, AsJson, SiteFile
from fedpacs.cli.output import show

app = typer.Typer(
    no_args_is_help=True, help="Code the site's own names of series; shown at the site only."
)


@app.command()
def review(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """List the names that could not be coded for certain; shows the scanner's own words."""
    from fedpacs.agent.site import Site

    questions = Site.open(site).series_questions()
    step = "`fedpacs site series map NUMBER --body-part ... --contrast ...`" if questions else ""
    show({"open_questions": questions}, as_json=as_json, next_step=step)


@app.command("map")
def map_(  # noqa: PLR0913, PLR0917 - one parameter per option
    number: Annotated[str, typer.Argument(help="Of the question, as `review` lists it.")],
    body_part: Annotated[str | None, typer.Option(help="For example Brain or Thorax.")] = None,
    contrast: Annotated[str | None, typer.Option(help="with, without or none.")] = None,
    phase: Annotated[str | None, typer.Option(help="For example portal-venous.")] = None,
    plane: Annotated[str | None, typer.Option(help="axial, coronal, sagittal, oblique.")] = None,
    sequence: Annotated[str | None, typer.Option(help="For example t1 or ct-lung.")] = None,
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Answer a question; the answer becomes a rule of the site. `unknown` is an answer too."""
    from fedpacs.agent.site import Site

    given = {
        "body_part": body_part,
        "contrast": contrast,
        "phase": phase,
        "plane": plane,
        "sequence": sequence,
    }
    said = {field: value for field, value in given.items() if value is not None}
    show(Site.open(site).answer_series(number, said), as_json=as_json)


@app.command()
def drift(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Show what stands out in the codes of each month against the months before."""
    from fedpacs.agent.site import Site

    months, jumps = Site.open(site).series_drift()
    if as_json:
        show({"months": months, "jumps": jumps}, as_json=True)
        return
    rows = [
        {
            "month": m.month,
            "series": m.series,
            "unknown": f"{m.unknown:.0%}",
            "new_protocols": f"{m.new_protocols:.0%}",
        }
        for m in months
    ]
    show({"months": rows, "stands_out": jumps})


@app.command()
def values(as_json: AsJson = False) -> None:
    """List what each field may say."""
    from fedpacs.quality.standardisation.vocabulary import FIELDS
    from fedpacs.quality.standardisation.vocabulary import values as of

    show({field: of(field) for field in FIELDS if field != "modality"}, as_json=as_json)
