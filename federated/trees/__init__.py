"""Gradient-boosted trees trained on sums of histograms.

What belongs here: the bin edges, the histograms of a site, the choice of splits and the task that joins them.
Each level of a tree takes one round: sites send the sums of gradients by node, feature and bin, the server splits.
"""
