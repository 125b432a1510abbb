"""The report of the demo as a page: what it claims, what it loads, who can read it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from fedpacs.config.shipped import shipped
from fedpacs.core.digest import sha256_hex
from fedpacs.core.ps315 import Action
from fedpacs.simulation.report import (
    BeforeAfter,
    BookCheck,
    ControlScan,
    CurvePoint,
    DemoReport,
    Departures,
    GateCount,
    HospitalReport,
    JobFacts,
    LeakScan,
    ModelScores,
    RoadCounts,
    ScanTarget,
    SegFacts,
    Segmentation,
    StepTime,
    TagRow,
    WireRecord,
    render,
    write_report,
)
from fedpacs.simulation.report_pictures import PictureError

ROUNDS = 16
SITES = (
    ("aurora", "Aurora University Hospital", "C-MOVE", "Orthanc 1.12", "gdpr-pseudonymised", 24),
    ("birch", "Birch General Hospital", "C-GET", "Orthanc 1.12", "basic", 20),
    ("cedar", "Cedar Clinic", "folder", "embedded PACS", "profile.toml (own)", 16),
)
PLACES = (
    ("decrypted traffic to the consortium", 7_304_112),
    ("sealed store, opened", 61_300_224),
    ("book and logs", 412_871),
)


def brain():
    """Draw a slice that looks like a head, with grey and white matter."""
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    radius = np.hypot(x * 1.25, y)
    folds = 0.04 * np.sin(9 * np.arctan2(y, x))
    label = np.zeros(radius.shape, np.uint8)
    label[radius < 0.72 + folds] = 1
    label[radius < 0.55 + folds] = 2
    label[(np.abs(x) < 0.1) & (np.abs(y) < 0.28)] = 0
    shade = np.array([20, 118, 176], float)[label] + 14 * np.sin(23 * x) * np.sin(19 * y)
    shade[(radius > 0.82) & (radius < 0.9)] = 215
    shade[radius > 0.9] = 4
    return np.clip(shade, 0, 255).astype(np.uint8), label


def tag_rows():
    table = (
        (
            "(0008,0018)",
            "SOP Instance UID",
            "1.2.826.0.1.3680043.8.498.1174",
            "2.25.2973604118",
            "U",
        ),
        ("(0008,0020)", "Study Date", "20240311", "20221205", "C"),
        ("(0008,0050)", "Accession Number", "AUR-2024-004711", "K3V7Q2MZ5TR4ANXD", "Z"),
        ("(0008,0080)", "Institution Name", "Aurora University Hospital", "", "X"),
        ("(0008,0090)", "Referring Physician's Name", "Öztürk^Ayşe^^Dr.", "", "Z"),
        ("(0008,103E)", "Series Description", "T1 MPRAGE, call Mrs Lund 0711 555 0142", "", "X"),
        ("(0010,0010)", "Patient's Name", "Lund^Märta Åsa", "P-7QJ4M2XKD3ZT6YBA", "Z"),
        ("(0010,0020)", "Patient ID", "AUR0004711", "P-7QJ4M2XKD3ZT6YBA", "Z"),
        ("(0010,0030)", "Patient's Birth Date", "19580214", "", "Z"),
        ("(0010,0040)", "Patient's Sex", "F", "F", "K"),
        ("(0010,4000)", "Patient Comments", "<b>Allergic</b>, daughter Siri Lund", "", "X"),
        ("(0018,0050)", "Slice Thickness", "3.0", "3.0", "K"),
        ("(0029,1010)", "Private: CSA header", "1,184 bytes", "", "X"),
        ("(7FE0,0010)", "Pixel Data", "32,768 bytes", "32,768 bytes, the same", "K"),
    )
    why = {"U": "keyed, the same wherever it stood", "C": "moved by this patient's own shift"}
    rows = [
        TagRow(t, n, b, a, Action(c), f"PS3.15 Table E.1-1; {why.get(c, 'Basic Profile')}")
        for t, n, b, a, c in table
    ]
    added = TagRow("(0012,0062)", "Patient Identity Removed", "", "YES", None, "PS3.15 E.1.1")
    return (*rows, added)


def hospital(site, place):
    name, title, retrieve, archive, profile, patients = site
    test = validation = max(5, patients // 5)
    found = patients + 6
    curve = tuple(
        CurvePoint(r, 1.6 * 0.84**r + 0.25 + 0.03 * place, 0.86 - 0.05 * place - 0.6 * 0.78**r)
        for r in range(1, ROUNDS + 1)
    )
    quarantined = {"deid.burned-in": 1, "pacs.incomplete-study": 1} if place == 0 else {}
    aside = sum(quarantined.values())
    return HospitalReport(
        name=name,
        title=title,
        retrieve=retrieve,
        archive=archive,
        profile=profile,
        profile_digest=sha256_hex(profile.encode()),
        road=RoadCounts(
            found=found,
            retrieved=found,
            reconciled=found - aside // 2,
            deidentified=found - aside,
            disclosure=GateCount(found - aside, {}),
            sealed=found - aside,
            instances=(found - aside) * 25,
            train=patients - test - validation,
            validation=validation,
            test=test,
            cohort=GateCount(1, {}),
            rounds_trained=ROUNDS,
            egress=GateCount(2 * ROUNDS, {"egress.norm-bound": 1} if place == 2 else {}),
            results_stored=1,
            results_found=1,
        ),
        quarantined=quarantined,
        curve=curve,
        departures=Departures(
            records=(
                WireRecord("weights", ROUNDS, ROUNDS * 423_684),
                WireRecord("num-examples", 2 * ROUNDS, 16 * ROUNDS),
                WireRecord("train-loss", ROUNDS, 8 * ROUNDS),
                WireRecord("validation-dice", ROUNDS, 8 * ROUNDS),
            ),
            digests=tuple(sha256_hex(f"{name}{n}".encode()) for n in range(2 * ROUNDS)),
            wire_bytes=7_304_112 + 1000 * place,
            suppressed={"validation-dice": 3} if place == 2 else {},
        ),
        book=BookCheck(
            entries=184 - 20 * place,
            checkpoints=41,
            root=sha256_hex(name.encode()),
            public_key="ed25519:" + sha256_hex(b"key" + name.encode()),
            ok=True,
            tampered_copy_refused=True,
        ),
        approvers=("dpo",),
        terms_digest=sha256_hex(b"terms" + name.encode()),
    )


def sample():
    image, truth = brain()
    predicted = np.roll(truth, (1, 1), (0, 1))
    scores = {
        ("local", "aurora"): (0.77, 0.41, 0.66),
        ("local", "birch"): (0.36, 0.86, 0.22),
        ("local", "cedar"): (0.67, 0.21, 0.62),
        ("pooled", ""): (0.84, 0.86, 0.74),
        ("federated", ""): (0.79, 0.82, 0.71),
    }
    names = [site[0] for site in SITES]
    return DemoReport(
        made_at=datetime(2026, 3, 2, 14, 5, tzinfo=UTC),
        seed=7,
        job=JobFacts(
            name="brain-tissue",
            title="Grey and white matter in T1 brain MR",
            purpose="Segment grey and white matter in T1-weighted brain MR.",
            digest=sha256_hex(b"job"),
            network="UNet",
            parameters=105_921,
            rounds=ROUNDS,
            minimum_cell=5,
        ),
        hospitals=tuple(hospital(site, place) for place, site in enumerate(SITES)),
        before_after=BeforeAfter(
            "aurora", "gdpr-pseudonymised", image, image, pixels_identical=True, rows=tag_rows()
        ),
        models=tuple(
            ModelScores(kind, dict(zip(names, dice, strict=True)), trained_at)
            for (kind, trained_at), dice in scores.items()
        ),
        segmentation=Segmentation(
            "birch", image, truth, predicted, ("grey matter", "white matter"), 0.81
        ),
        results=tuple(
            SegFacts(
                name,
                "Segmentation Storage",
                "1.2.840.10008.5.1.4.1.1.66.4",
                "FedPACS brain-tissue, RESEARCH ONLY",
                ("Grey Matter", "White Matter"),
                48,
                141_312,
                f"{name.upper()}_PACS",
                stored=True,
                found=True,
                model_digest=sha256_hex(b"model"),
            )
            for name in names
        ),
        leak_scan=LeakScan(
            planted=1320,
            kinds=("patient names", "patient IDs", "birth dates", "accession numbers", "comments"),
            encodings=("UTF-8", "UTF-16LE", "ISO 8859-1", "hexadecimal", "base64"),
            targets=(
                *(ScanTarget(place, name, size, 0) for name in names for place, size in PLACES),
                ScanTarget("everything the consortium keeps", "", 15_881_216, 0),
            ),
            controls=tuple(
                ControlScan("PACS", name, 66_018_304, 520 - 80 * n, 520 - 80 * n)
                for n, name in enumerate(names)
            ),
        ),
        times=(
            StepTime("Three hospitals with synthetic patients", 11.2),
            StepTime("PACS to sealed store", 48.7),
            StepTime("Federated training", 131.4),
            StepTime("Results back in the PACS", 6.1),
        ),
        versions={"FedPACS": "0.1.0", "Python": "3.11.11", "Flower": "1.41.0", "MONAI": "1.6.0"},
    )


class Page(HTMLParser):
    """The page as a reader's tools see it; falls over when a tag is left open."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "rect", "path", "circle"})

    def __init__(self, page):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parents: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == [], "tags left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.parents.append(self.open[-1] if self.open else "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.parents.append(self.open[-1])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def report():
    return sample()


@pytest.fixture(scope="module")
def page(report):
    return Page(render(report))


def changed(report, place, **changes):
    """Give the report with one hospital changed."""
    hospitals = list(report.hospitals)
    hospitals[place] = replace(hospitals[place], **changes)
    return replace(report, hospitals=tuple(hospitals))


def changed_road(report, place, **changes):
    return changed(report, place, road=replace(report.hospitals[place].road, **changes))


class TestItLoadsAndRunsNothing:
    def test_the_policy_forbids_all_but_inline_style_and_inline_pictures(self, page):
        (policy,) = [m for m in page.all("meta") if m.get("http-equiv")]
        assert policy["http-equiv"] == "Content-Security-Policy"
        rules = [rule.strip() for rule in policy["content"].split(";")]
        assert rules[:3] == ["default-src 'none'", "style-src 'unsafe-inline'", "img-src data:"]
        assert page.tags[3] == ("meta", policy), "only the charset may come before the policy"

    def test_every_address_is_a_place_on_the_page_or_a_picture_inside_it(self, page):
        for tag, attributes in page.tags:
            assert tag not in {"script", "link", "iframe", "object", "embed", "form", "base"}
            assert not [name for name in attributes if name.startswith("on")]
            assert attributes.get("src", "data:image/png;base64,").startswith(
                "data:image/png;base64,"
            )
            assert attributes.get("href", "#").startswith("#")
            assert "style" not in attributes

    def test_the_style_loads_nothing(self, report):
        style = re.search(r"<style>(.*?)</style>", render(report), re.DOTALL).group(1)
        assert "url(" not in style
        assert "@import" not in style

    @pytest.mark.parametrize(
        "hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}"]
    )
    def test_hostile_text_stays_text(self, report, hostile):
        hostile_report = replace(
            changed(report, 0, title=hostile, archive=hostile, quarantined={hostile: 2}),
            job=replace(report.job, title=hostile, purpose=hostile),
            before_after=replace(
                report.before_after,
                rows=(TagRow("(0010,4000)", "Patient Comments", hostile, hostile, None, hostile),),
            ),
            leak_scan=replace(report.leak_scan, kinds=(hostile,)),
            versions={hostile: hostile},
            limits=(hostile,),
        )
        markup = render(hostile_report)
        parsed = Page(markup)
        assert parsed.all("script") == []
        assert all("onerror" not in attributes for _, attributes in parsed.tags)
        assert hostile in parsed.words


class TestEveryoneCanReadIt:
    def test_it_has_a_language_and_landmarks(self, page):
        assert page.all("html") == [{"lang": "en"}]
        for landmark in ("header", "nav", "main", "footer"):
            assert len(page.all(landmark)) == 1

    def test_headings_never_skip_a_level(self, page):
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))

    def test_every_picture_says_what_it_shows(self, page):
        assert len(page.all("img")) == 6
        assert all(attributes["alt"] for attributes in page.all("img"))
        for attributes in page.all("svg"):
            assert attributes["role"] == "img"
            assert attributes["aria-labelledby"] == f"{attributes['id']}-t {attributes['id']}-d"

    def test_every_table_has_a_caption_and_every_header_a_scope(self, page):
        assert len(page.all("caption")) == len(page.all("table")) > 0
        assert all(a["scope"] in {"col", "row", "rowgroup"} for a in page.all("th"))

    def test_every_region_that_scrolls_can_be_reached_by_keyboard_and_has_a_name(self, page):
        regions = [a for a in page.all("div") if "scroll" in (a.get("class") or "")]
        assert len(regions) == len(page.all("table"))
        assert all(a["role"] == "region" and a["tabindex"] == "0" for a in regions)
        assert len({a["aria-label"] for a in regions}) == len(regions)

    def test_ids_are_unique_and_every_reference_finds_its_id(self, page):
        ids = [a["id"] for _, a in page.tags if "id" in a]
        assert len(ids) == len(set(ids))
        wanted = {a["href"][1:] for a in page.all("a")}
        wanted |= {i for _, a in page.tags for i in (a.get("aria-labelledby") or "").split()}
        wanted |= {
            i for _, a in page.tags for i in re.findall(r"url\(#(.+?)\)", a.get("marker-end") or "")
        }
        assert wanted <= set(ids)

    @pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
    def test_colours_have_the_contrast_of_wcag_aa(self, scheme):
        style = shipped("fedpacs", "simulation", "templates", "report.css").read_text("utf-8")
        roots = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
        colours = {}
        for block in roots[: scheme + 1]:
            colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        text_pairs = [(a, b) for a in ("ink", "soft", "bad") for b in ("paper", "wash")]
        text_pairs += [("accent", "paper"), ("good", "paper"), ("gate-ink", "gate")]
        text_pairs += [("ink", "badwash"), ("bad", "badwash")]
        for front, back in text_pairs:
            assert contrast(colours[front], colours[back]) >= 4.5, (front, back)
        for mark in ("federated", "pooled", "home", "local", "loss"):
            for back in ("paper", "wash"):
                assert contrast(colours[mark], colours[back]) >= 3.0, (mark, back)


def contrast(one, other):
    """WCAG 2.2 contrast ratio."""

    def luminance(colour):
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


class TestItClaimsWhatWasCounted:
    def test_the_headline_is_the_result(self, page):
        assert (
            "Three hospitals trained one model, and none of 1,320 planted identifiers was found in "
            "anything that left them. On the test patients of all of them it reaches a Dice of "
            "0.77; a model trained at one hospital alone, 0.53."
        ) in page.words
        assert "Do not take this run as proof" not in page.words

    def test_the_figures_under_the_headline_are_the_facts(self, report):
        def figures(of):
            return re.findall(r"<dd[^>]*>(.*?)</dd>", render(of))[:4]

        assert figures(report) == ["0", "0.53 &rarr; 0.77", "0.28 &rarr; 0.71", "21.9 MB"]
        assert figures(leaky(report))[0] == "1"

    def test_it_says_that_patients_are_synthetic_and_what_it_does_not_show(self, page):
        assert "Every patient on this page is synthetic" in page.words
        assert "deformation of one average adult brain" in page.words

    def test_the_road_carries_the_sums_of_the_hospitals(self, page):
        words = page.words
        for sentence in (
            "PACS: 78 studies found",
            "Study: 78 retrieved, 77 complete",
            "De-identified: 76 studies, 2 quarantined",
            "Gate 1, disclosure: 76 opened, 0 refused",
            "Gate 2, cohort: 3 opened, 0 refused",
            "Gate 3, egress: 96 opened, 1 refused",
            "Update: 48 rounds trained",
            "PACS: 3 stored, 3 found again",
        ):
            assert words.count(sentence) == 2, sentence  # the wide and the tall drawing

    def test_every_refusal_stands_there_with_its_code(self, page):
        for code in ("deid.burned-in", "pacs.incomplete-study", "egress.norm-bound"):
            assert code in page.words

    def test_what_was_held_back_is_named(self, page, report):
        assert "held back 3 times" in page.words
        quiet = changed(
            report, 2, departures=replace(report.hospitals[2].departures, suppressed={})
        )
        assert (
            "Nothing: every released number rests on 5 patients or more."
            in Page(render(quiet)).words
        )

    def test_bytes_and_digests_are_whole(self, page, report):
        total = sum(h.departures.wire_bytes for h in report.hospitals)
        assert f"{total:,}" in page.words
        assert all(d in page.words for h in report.hospitals for d in h.departures.digests)

    def test_a_removed_value_is_shown_as_removed_even_when_a_new_value_was_given(self, report):
        rows = (TagRow("(0010,4000)", "Patient Comments", "old", "leak", Action.REMOVE, "rule"),)
        words = Page(
            render(replace(report, before_after=replace(report.before_after, rows=rows)))
        ).words
        assert "leak" not in words.replace("The search for leaks", "").replace(
            "Search for leaks", ""
        )

    def test_where_a_hospital_does_better_alone_is_said(self, page):
        assert (
            "There a hospital’s own model does better than the federated one at Birch General "
            "Hospital."
        ) in page.words

    def test_a_federated_model_that_lost_says_so_at_the_top(self, report):
        worse = tuple(
            replace(m, dice=dict.fromkeys(m.dice, 0.3)) if m.kind == "federated" else m
            for m in report.models
        )
        words = Page(render(replace(report, models=worse))).words
        assert "But it is not better than a model trained at one hospital alone: Dice 0.30" in words
        assert "In this run the federated model was not better" in words

    def test_a_lead_that_rounding_hides_is_not_claimed(self, report):
        level = tuple(
            replace(m, dice=dict.fromkeys(m.dice, 0.701 if m.kind == "local" else 0.704))
            for m in report.models
        )
        assert "But it is not better" in Page(render(replace(report, models=level))).words

    def test_local_models_tested_at_home_only_are_compared_there(self, report):
        at_home = tuple(
            replace(m, dice={m.trained_at: m.dice[m.trained_at]}) if m.kind == "local" else m
            for m in report.models
        )
        words = Page(render(replace(report, models=at_home))).words
        assert (
            "a Dice of 0.77; the model each hospital trained alone, on its own patients, 0.75."
            in words
        )

    def test_without_a_federated_score_nothing_is_claimed(self, report):
        locals_only = tuple(m for m in report.models if m.kind == "local")
        words = Page(render(replace(report, models=locals_only))).words
        assert "was found in anything that left them." in words
        assert "not measured" in words

    def test_a_missing_score_is_not_counted_as_zero(self, report):
        partial = tuple(
            replace(m, dice={"aurora": 0.9}) if m.kind == "pooled" else m for m in report.models
        )
        words = Page(render(replace(report, models=partial))).words
        assert words.count("not measured") >= 4

    def test_the_same_facts_give_the_same_page(self, report):
        assert render(report) == render(report)


def with_scan(report, **changes):
    return replace(report, leak_scan=replace(report.leak_scan, **changes))


def leaky(report):
    first, *rest = report.leak_scan.targets
    return with_scan(report, targets=(replace(first, hits=1), *rest))


def unsearched(report):
    return with_scan(report, targets=tuple(replace(t, nbytes=0) for t in report.leak_scan.targets))


def deaf_tap(report):
    departures = replace(report.hospitals[0].departures, wire_bytes=0)
    return changed(report, 0, departures=departures)


def one_hospital_unsearched(report):
    targets = report.leak_scan.targets
    return with_scan(report, targets=tuple(t for t in targets if t.hospital != "birch"))


def nothing_planted(report):
    return with_scan(report, planted=0)


def silent_control(report):
    first, *rest = report.leak_scan.controls
    return with_scan(report, controls=(replace(first, found=first.planted - 1), *rest))


def absent_control(report):
    return with_scan(report, controls=report.leak_scan.controls[1:])


def more_looked_for_than_controlled(report):
    return with_scan(report, planted=report.leak_scan.planted + 1)


def lost_study(report):
    return changed_road(report, 1, found=report.hospitals[1].road.found + 1)


def lost_and_gained(report):
    road = report.hospitals[0].road
    return changed_road(lost_study(report), 0, found=road.found - 1)


def unsigned(report):
    return changed(report, 1, approvers=())


def broken_book(report):
    book = replace(report.hospitals[2].book, ok=False, fault_code="records.root-differs")
    return changed(report, 2, book=book)


def empty_book(report):
    return changed(report, 2, book=replace(report.hospitals[2].book, entries=0))


def gullible_verification(report):
    return changed(report, 0, book=replace(report.hospitals[0].book, tampered_copy_refused=False))


def missed_round(report):
    return changed_road(report, 0, rounds_trained=ROUNDS - 1)


def result_not_found(report):
    return changed_road(report, 2, results_found=0)


def no_result(report):
    return changed_road(report, 2, results_stored=0, results_found=0)


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (leaky, "Nothing identified leaves"),
        (unsearched, "Nothing identified leaves"),
        (deaf_tap, "Nothing identified leaves"),
        (one_hospital_unsearched, "Nothing identified leaves"),
        (nothing_planted, "Nothing identified leaves"),
        (silent_control, "The search can find"),
        (more_looked_for_than_controlled, "The search can find"),
        (absent_control, "The search can find"),
        (lost_study, "Nothing is lost"),
        (lost_and_gained, "Nothing is lost"),
        (unsigned, "Only approved jobs run"),
        (broken_book, "The books are whole"),
        (empty_book, "The books are whole"),
        (gullible_verification, "The books are whole"),
        (missed_round, "Every round is trained"),
        (result_not_found, "Results return to the PACS"),
        (no_result, "Results return to the PACS"),
    ],
)
def test_a_broken_promise_is_the_headline(report, spoil, promise):
    words = Page(render(spoil(report))).words
    assert f"This demo broke one of its seven promises: “{promise}”." in words
    assert "Do not take this run as proof" in words
    assert "none of 1,320" not in words


class TestWriting:
    def test_it_replaces_the_old_page_and_leaves_nothing_else(self, report, tmp_path):
        target = tmp_path / "new" / "report.html"
        write_report(report, target)
        write_report(replace(report, seed=8), target)
        assert "seed 8" in target.read_text("utf-8")
        assert list(target.parent.iterdir()) == [target]

    def test_a_page_that_cannot_be_made_leaves_the_old_one(self, report, tmp_path):
        target = tmp_path / "report.html"
        target.write_text("old")
        flat = replace(report.before_after, before=np.zeros(9, np.uint8))
        with pytest.raises(PictureError):
            write_report(replace(report, before_after=flat), target)
        assert target.read_text() == "old"
        assert list(tmp_path.iterdir()) == [target]
