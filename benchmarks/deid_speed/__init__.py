"""What de-identification costs, beside a copy and the peers, in one run."""
