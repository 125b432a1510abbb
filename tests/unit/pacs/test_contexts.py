from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedpacs.pacs.contexts import (
    MAXIMUM_CONTEXTS,
    TRANSFER_SYNTAXES,
    accepted_contexts,
    in_batches,
    storage_contexts,
)

_CLASSES = st.sets(st.integers(1, 400).map(lambda n: f"1.2.840.10008.5.1.4.1.1.{n}"), max_size=60)


@given(_CLASSES)
def test_no_association_needs_more_contexts_than_there_are(classes):
    batches = in_batches(classes, reserved=1)
    assert frozenset().union(*batches) == classes
    assert sum(len(batch) for batch in batches) == len(classes)
    for batch in batches:
        assert 1 + len(storage_contexts(batch)) <= MAXIMUM_CONTEXTS


def test_each_context_offers_one_transfer_syntax():
    contexts = storage_contexts(["1.2.840.10008.5.1.4.1.1.4"])
    assert [cx.transfer_syntax for cx in contexts] == [[uid] for uid in TRANSFER_SYNTAXES]


def test_unnamed_classes_get_all_of_storage_in_one_association():
    contexts = storage_contexts(["", "1.2.840.10008.5.1.4.1.1.4"])
    assert 100 < len(contexts) < MAXIMUM_CONTEXTS
    assert in_batches(["", "1.2"], reserved=1) == [frozenset({""})]


def test_an_acceptor_names_each_class_once():
    contexts = accepted_contexts(["1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.2"])
    assert len(contexts) == len({cx.abstract_syntax for cx in contexts}) == 2
