"""Great Expectations suites derived from contracts, and quality as a trend. Declares no assets."""
