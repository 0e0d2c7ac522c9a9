from reluguide.data import moons
from reluguide.evidence.intervals import interval
from reluguide.sweep import grid, sweep

names = ["relu", "leaky_relu", "elu", "gelu", "silu"]
crossed = grid(activation=names, lr=[0.01], seeds=range(8))
data = moons(256, test_samples=1000, noise=0.2)
run = sweep([2, 32, 32, 1], data=data, optimizer="adam", steps=200, **crossed)

accuracy = dict(zip(names, crossed.shaped(run.test_accuracy)[:, 0]))
for name in names[1:]:
    # Seed by seed: the same first weights, the same data.
    ahead = interval(accuracy[name] - accuracy["relu"], "real")
    close = ahead.low > -0.01 and ahead.high < 0.01
    print(f"{name:10} within one point of relu on moons: {close}")
