"""Record linkage: finds the records of one person in a table of person records.

Here are its steps: standardise, block, compare, train, score, cluster and explain. They run on a person file or on
entries of the lakehouse's registers. Customer ids and stewards' decisions are in `pipelines.register`.
"""
