from __future__ import annotations

from fedpacs.deidentification.profile import diff, explain, load_profile


def test_a_profile_does_not_differ_from_itself():
    assert diff(load_profile("basic"), load_profile("basic")) == []


def test_a_tighter_child_is_called_tighter_everywhere(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "t"\ninherits = "gdpr-pseudonymised"\nmaximum_age_years = 80\n'
        '[policies]\nfaces = "hold"\n[attributes]\nPatientSex = "Z"\n',
        "utf-8",
    )
    said = diff(load_profile("gdpr-pseudonymised"), load_profile(str(path)))
    assert said == [
        "Ages are capped at 80 years; in A at 89.",
        "Tighter: the policy for faces is hold; in A it is keep.",
        (
            "Tighter: Patient's Sex (0010,0040) is emptied; in A it is kept when it is made of "
            "known words, and emptied otherwise."
        ),
    ]


def test_a_richer_profile_is_called_looser_where_it_is():
    said = diff(load_profile("gdpr-pseudonymised"), load_profile("research-rich"))
    assert "B asks for the Clean Descriptors Option, A does not." in said
    assert "Not tighter: the policy for text is clean; in A it is drop." in said
    assert any(s.startswith("Looser: Study Description (0008,1030) is cleaned") for s in said)
    assert not any(s.startswith("Tighter: Study Description") for s in said)


def test_the_other_way_round_says_the_opposite():
    one, other = load_profile("hipaa-limited"), load_profile("hipaa-safe-harbor")
    there, back = diff(one, other), diff(other, one)
    assert len(there) == len(back)
    assert "A asks for the Retain Safe Private Option, B does not." in there
    assert "B asks for the Retain Safe Private Option, A does not." in back
    assert "Tighter: the policy for identity is vault; in A it is keyed." in there
    assert "Not tighter: the policy for identity is keyed; in A it is vault." in back


def test_every_policy_is_said_in_sentences():
    said = " ".join(explain(load_profile("hipaa-safe-harbor"))[:30])
    for words in (
        "written as the first of January", "medical vocabulary", "searched for text", "defaced",
        "replaced by empty ones", "sealed vault", "not even encrypted", "Characters are read",
    ):  # fmt: skip
        assert words in said
    said = " ".join(explain(load_profile("gdpr-anonymous-candidate")))
    assert "bands of 10 years" in said
    assert "thrown away" in said


def test_a_private_attribute_is_explained_by_its_creators():
    (said,) = explain(load_profile("research-rich"), "0019,100C")
    assert "is kept when its creator is 'siemens mr header', removed otherwise" in said
    (said,) = explain(load_profile("research-rich"), "0019,1001")
    assert "is removed (PS3.15 Table E.3.10-1" in said
    (said,) = explain(load_profile("basic"), "0019,100C")
    assert "private attributes: X" in said
