"""What both halves must agree on: records on the wire and the bundle that names a job."""
