from reluguide.data import spirals
from reluguide.sweep import grid, sweep

rates = [0.3, 1.0, 3.0]
crossed = grid(lr=rates, seeds=range(8))
run = sweep([2, 32, 32, 1], data=spirals(128), steps=300, **crossed)
dead = crossed.shaped(run.dead[1]).mean(axis=(1, 2))  # of the second layer
for rate, share in zip(rates, dead):
    print(f"rate {rate}: most of the second layer is dead: {share > 0.5}")
