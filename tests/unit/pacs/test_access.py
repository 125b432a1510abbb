from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.pacs.access import AccessList, Peer, Verb, parse_peer
from fedpacs.pacs.errors import UnsafeStoreError


def test_a_peer_with_a_port_may_do_everything():
    peer = parse_peer("SITE@127.0.0.1:11113")
    assert peer == Peer("SITE", "127.0.0.1", 11113, frozenset(Verb))


def test_verbs_narrow():
    peer = parse_peer("SITE A@pacs.hospital.example=echo,find")
    assert (peer.ae_title, peer.host, peer.port) == ("SITE A", "pacs.hospital.example", None)
    assert peer.verbs == {Verb.ECHO, Verb.FIND}


def test_an_ipv6_host_keeps_its_colons():
    assert parse_peer("SITE@[::1]:104").host == "::1"


@pytest.mark.parametrize(
    "text",
    [
        "SITE",
        "@127.0.0.1",
        "SITE@",
        "SEVENTEEN_LETTERS@127.0.0.1",
        "SITE@127.0.0.1:99999",
        "SITE@127.0.0.1=fly",
        "SITE@127.0.0.1=",
        "SI\\TE@127.0.0.1",
        "SITE@127.0.0.1:104:105",
    ],
)
def test_anything_else_is_refused(text):
    with pytest.raises(UnsafeStoreError):
        parse_peer(text)


@given(st.text(max_size=30))
def test_a_peer_is_read_or_refused_never_half(text):
    try:
        peer = parse_peer(text)
    except UnsafeStoreError:
        return
    assert peer.host
    assert 1 <= len(peer.ae_title) <= 16
    assert peer.verbs


def test_an_empty_list_is_refused():
    with pytest.raises(UnsafeStoreError):
        AccessList([])


def test_a_title_named_twice_is_refused():
    with pytest.raises(UnsafeStoreError):
        AccessList([parse_peer("A@127.0.0.1=echo"), parse_peer("A@127.0.0.2")])


def test_default_is_deny():
    access = AccessList([parse_peer("A@127.0.0.1=echo")])
    assert access.admits("A ", "127.0.0.1")
    assert not access.admits("A", "127.0.0.2")
    assert not access.admits("B", "127.0.0.1")
    assert access.grants("A", Verb.ECHO)
    assert not access.grants("A", Verb.GET)
    assert not access.grants("B", Verb.ECHO)
    assert access.destination("A") is None
    assert access.destination("B") is None


def test_a_host_that_does_not_resolve_admits_nobody():
    access = AccessList([parse_peer("A@no-such-host.invalid")])
    assert not access.admits("A", "127.0.0.1")
