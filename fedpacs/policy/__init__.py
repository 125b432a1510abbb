"""The three gates, disclosure, cohort and egress: pure functions from facts to a `Decision`."""
