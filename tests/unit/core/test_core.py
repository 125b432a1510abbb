from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.core.decision import Decision, Reason
from fedpacs.core.digest import canonical_json, digest_of
from fedpacs.core.errors import ConfigError, FedpacsError
from fedpacs.core.ps315 import Option
from fedpacs.core.study import InstanceRef, SeriesRef, Study, StudyRef
from fedpacs.core.terms import Terms
from fedpacs.core.wire import WireSchema

TERMS = Terms("aurora", "j" * 64, "c" * 64, "p" * 64, "s" * 64, "b" * 64, 16, "1.0.0")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON))
def test_canonical_json_forgets_order_and_nothing_else(value):
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_refuses_what_json_cannot_say():
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json({"loss": float("nan")})


def test_a_gate_opens_only_when_no_rule_was_broken():
    assert Decision.of("egress", ()).allowed
    closed = Decision.of("egress", [Reason("egress.norm", "Too far."), Reason("egress.x", "No.")])
    assert not closed.allowed
    assert closed.codes == ("egress.norm", "egress.x")


@pytest.mark.parametrize(
    "change",
    [
        {"site": "birch"},
        {"job_digest": "x"},
        {"cohort_digest": "x"},
        {"profile_digest": "x"},
        {"schema_digest": "x"},
        {"bundle_digest": "x"},
        {"software": "1.0.1"},
        {"rounds": 17},
    ],
)
def test_whatever_changes_the_terms_changes_what_is_signed(change):
    assert replace(TERMS, **change).digest != TERMS.digest


def test_a_schema_knows_its_size_and_is_named_by_its_content():
    schema = WireSchema.of({"a": (2, 3), "b": ()}, ("test-dice", "num-examples"))
    assert (schema.size, schema.nbytes) == (7, 28)
    assert schema.metrics == ("num-examples", "test-dice")
    assert schema.digest == digest_of(schema.as_dict())
    assert WireSchema.of({"b": (), "a": (2, 3)}, schema.metrics).digest != schema.digest


def test_nothing_identified_prints_itself(tmp_path):
    instance = InstanceRef("1.2.3.4", "1.2.840.10008.5.1.4.1.1.4")
    ref = StudyRef("1.2.3", "MRN-20417733", (SeriesRef("1.2.3.9", "MR", (instance,)),))
    study = Study(ref, {"1.2.3.4": tmp_path / "MRN-20417733.dcm"})
    printed = "".join(map(repr, (instance, ref.series[0], ref, study)))
    assert "1.2.3" not in printed
    assert "MRN" not in printed


def test_an_error_says_what_happened_and_what_to_do():
    error = ConfigError("site.toml has a fault.", hint="Mend it.")
    assert isinstance(error, FedpacsError)
    assert error.as_dict() == {
        "code": "config.invalid",
        "message": "site.toml has a fault.",
        "hint": "Mend it.",
        "exit_status": 10,
    }
    assert ConfigError("x").hint


def test_every_option_has_its_meaning_within_the_length_of_a_code_meaning():
    assert len({option.meaning for option in Option}) == len(Option)
    assert all(len(option.meaning) <= 64 for option in Option)
