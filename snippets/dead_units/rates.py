from reluguide.data import spirals
from reluguide.sweep import grid, sweep

data, rates = spirals(128), [0.3, 1.0, 3.0]
crossed = grid(lr=rates, seeds=range(8))
run = sweep([2, 32, 32, 1], data=data, steps=300, record=["parameters"], **crossed)
second = crossed.shaped(run.dead[1]).mean(axis=(1, 2))
for rate, share in zip(rates, second):
    print(f"rate {rate}: most of the second layer is dead: {share > 0.5}")
