"""The Flower app: training across sites without moving data. Client code needs nothing else of ours."""
