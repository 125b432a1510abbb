"""What a site counts about its cohort, series by series, so that sites can be compared."""
