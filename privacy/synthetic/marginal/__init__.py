"""Models of one table from noisy marginals: which are measured, the noise, the graph, the fit, and the sampling."""
