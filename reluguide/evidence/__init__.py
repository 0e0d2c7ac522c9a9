"""What an experiment, a result, a fact, an interval, a figure and a claim are; the store; what runs the stale ones."""
