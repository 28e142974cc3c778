"""Learning policies: which arm, such as an objective of a recommendation, a customer gets, and what that is worth.

Belongs here: the definition of a policy, the learners, the log of decisions with their propensities, the estimates
from the log and the judge. What an arm does is the business of the service that asks. Rollouts are not here.
"""
