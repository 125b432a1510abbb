"""The book of a site: tamper-evident audit log and approvals."""
