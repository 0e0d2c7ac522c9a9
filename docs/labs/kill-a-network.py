# %% [markdown]
# # Kill a network and bring it back
#
# When you are through with this lab, you can
#
# - kill the units of a network on purpose, in three ways: by the learning rate, by the bias, by depth;
# - tell which of the dead can come back by themselves, and say why;
# - choose a rescue that works, and recognise one that does not.
#
# It takes half an hour if you do one thing before each run: **write down what you expect.** Being wrong on paper is
# what you will remember. Nothing here takes longer than a few seconds to run, so change the numbers and run again.
#
# A unit is *dead on your data* if its preactivation is at or below zero for every sample: it gives zero, its gradient
# is zero, and training does not touch its weights. More about it: [What is a dead unit?](../questions/dead-units.md)

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

from reluguide import diagnose, revive
from reluguide.data import spirals
from reluguide.device import choose
from reluguide.evidence.intervals import intervals
from reluguide.sweep import grid, sweep

data = spirals(128)  # to which of two spiral arms does a point belong?
sizes = [2, 32, 32, 1]  # widths: inputs, two hidden layers, output
common = {"data": data, "device": choose().type}


def dead_share(run):
    """Share of the hidden units of each network that are dead on the data."""
    return np.concatenate(run.dead, axis=1).mean(axis=1)


# %% alt="Two spiral arms of points, one for each class, wind around each other, so that no straight line can part them."
fig, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
for arm, marker in ((0, "o"), (1, "^")):
    points = data.x[data.y == arm]
    axes.plot(
        points[:, 0], points[:, 1], marker, color=f"C{arm}", label=f"class {arm}"
    )
axes.set_aspect("equal")
axes.legend(loc="center left", bbox_to_anchor=(1.1, 0.5))
plt.show()

# %% [markdown]
# ## Kill it by the learning rate
#
# `sweep` trains many small networks at once, here eight (one for each seed) at each of six learning rates, with plain
# SGD on all samples.
#
# **Predict.** At a rate of `1` these networks learn well. What share of their units is dead after training at `0.1`, at
# `1`, at `3`? And do networks die slowly, a few units with each larger rate, or all at once? Write three numbers down,
# then run.

# %%
rates = [0.1, 0.3, 1.0, 2.0, 3.0, 5.0]
runs = grid(lr=rates, seeds=range(8))
trained = sweep(sizes, steps=300, **common, **runs)
dead, right = runs.shaped(dead_share(trained)), runs.shaped(trained.accuracy)
for rate, of_units, of_points in zip(
    rates, dead.mean(axis=1), right.mean(axis=1)
):
    died, learned = of_units > 0.5, of_points > 0.85
    print(f"rate {rate}: most units dead: {died}, learned: {learned}")

# %% alt="By learning rate: hardly any unit is dead at small rates and most at the largest, with a steep rise between. Accuracy climbs to its best just before the rise and then falls."
fig, both = plt.subplots(1, 2, figsize=(7.2, 3.2), layout="constrained")
for axes, values, title in zip(
    both, (dead, right), ("share of units dead", "share of points right")
):
    mean, low, high = intervals(values, "share", axis=1)
    axes.plot(rates, mean, "o-")
    axes.fill_between(rates, low, high, alpha=0.2, linewidth=0)
    axes.set(
        xscale="log", xlabel="learning rate", title=title, ylim=(-0.02, 1.05)
    )
    axes.set_xticks(rates, labels=[f"{rate:g}" for rate in rates], minor=False)
    axes.minorticks_off()
plt.show()

# %% [markdown]
# **What happened.** There is a cliff, and the rate that learns best stands close to it. One step that is too large
# throws a unit's weights so far that it is off on every sample, and then its own gradient cannot pull it back. The band
# is a 95 % interval of the mean over the eight seeds; where it is wide, it is a matter of luck whether a network
# survives.
#
# ## Kill it by the bias
#
# Now nothing is too fast: Adam at `0.01`, which is a good choice here. But we let all hidden biases begin below zero.
# The points lie within about two of the origin and the weights of a unit are around one.
#
# **Predict.** From which bias on does a ReLU network learn nothing at all: `-1`, `-2`, `-4`? Does LeakyReLU, which lets
# a hundredth of a negative number through, do better?

# %%
names, biases = ["relu", "leaky_relu"], [0.0, -1.0, -2.0, -4.0]
runs = grid(activation=names, bias_init=biases, seeds=range(8))
before, after = (
    sweep(sizes, optimizer="adam", lr=0.01, steps=steps, **common, **runs)
    for steps in (0, 300)
)
off = runs.shaped(before.active_share[1].max(axis=1) == 0).all(axis=2)
moved = runs.shaped(abs(after.final_loss - before.final_loss) > 1e-6).any(axis=2)
learned = runs.shaped(after.accuracy > 0.9).mean(axis=2) > 0.5
for i, name in enumerate(names):
    for j, bias in enumerate(biases):
        print(f"{name} from {bias:g}")
        print(f"    second layer off for all points: {off[i, j]}")
        print(f"    a loss moved: {moved[i, j]}, learned: {learned[i, j]}")

# %% [markdown]
# **What happened.** A unit of the first layer that begins too low is off everywhere, and so the second layer sees
# hardly anything. From `-4` no ReLU unit of the second layer is on for a single point. Then no weight has a gradient;
# only the bias of the output could move, and with as many points of one class as of the other it is where it belongs.
# So the loss stays as it is, however long you train. LeakyReLU is off just as well, but its loss moves: the slope on
# the left lets a little gradient through. That is enough from `-2`; from `-4` it is not, in `300` steps.
#
# ## Kill it by depth
#
# This time there is no training at all. If *all* units of one layer are dead, the network is cut in two: whatever goes
# in, the same comes out.
#
# **Predict.** Weights begin as He et al. propose for ReLU, biases at zero. What share of networks is cut before the
# first step, if they are two units wide and five layers deep? Eight units wide and twenty deep?

# %%
widths, depths = [2, 4, 8], [2, 5, 10, 20]
cut = np.zeros((len(widths), len(depths)))
for i, width in enumerate(widths):
    for j, depth in enumerate(depths):
        born = sweep(
            [2, *[width] * depth, 1], lr=0.1, steps=0, seeds=range(32), **common
        )
        silent = [layer.all(axis=1) for layer in born.dead]
        cut[i, j] = np.any(silent, axis=0).mean()
    deep = [depth for depth, share in zip(depths, cut[i]) if share > 0.5]
    print(f"{width} units wide, most are cut at depth:", deep or "none")

# %% alt="Share of networks that are cut before training, by depth: of those two units wide nearly all from ten layers on; of those four wide most at twenty layers; of those eight wide hardly any."
fig, axes = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
for width, row, marker in zip(widths, cut, "os^"):
    axes.plot(depths, row, marker=marker, label=f"{width} units wide")
axes.set(
    xlabel="hidden layers",
    ylabel="share of networks cut",
    xticks=depths,
    ylim=(-0.02, 1.05),
)
axes.legend(loc="lower right", bbox_to_anchor=(1, 0.07))
plt.show()

# %% [markdown]
# **What happened.** Each layer is a draw: with few units it can well be that all of them are off for all that the layer
# before lets through, and one such layer is enough. Lu et al. (2020) proved that with more and more depth this becomes
# certain. Width is the cure: real networks are seldom this narrow.
#
# ## Who comes back?
#
# We take fresh networks and push half of the units of one layer down, by their bias, until they are off for every
# point. Then we train in the ordinary way.
#
# **Predict.** Some of the killed units may be on again in the end. In the first layer? In the second? Fill in a table:
# two layers by five ways of training (SGD, Adam, SGD with weights and biases decayed, SGD with only the biases
# decayed, and Adam with weights and biases decayed by a little).

# %%
ways = {
    "SGD": {"lr": 0.3},
    "Adam": {"lr": 0.01, "optimizer": "adam"},
    "SGD, everything decayed": {"lr": 0.3, "weight_decay": 0.01},
    "SGD, biases decayed": {"lr": 0.3, "bias_decay": 0.01},
    "Adam, everything decayed": {
        "lr": 0.01,
        "optimizer": "adam",
        "weight_decay": 1e-4,
    },
}
kept = common | {"seeds": range(8), "record": ["parameters"]}
fresh = sweep(sizes, lr=0.1, steps=0, **kept)
back = np.zeros((2, len(ways)))
for layer in (0, 1):
    killed = [
        (weights.copy(), biases.copy()) for weights, biases in fresh.parameters
    ]
    preactivations, _ = fresh.layers(data.x)[layer]
    highest = preactivations.max(axis=1)
    killed[layer][1][:, :16] -= highest[:, :16] + 0.5
    for j, way in enumerate(ways.values()):
        later = sweep(sizes, steps=600, initial=killed, **kept, **way)
        back[layer, j] = (~later.dead[layer][:, :16]).mean()
for j, way in enumerate(ways):
    first, second = back[:, j] > 0.05
    print(f"{way}: over one in twenty back: first {first}, second {second}")
none = not back[0, :3].any()
print(f"of the first layer not a single one in the first three ways: {none}")

# %% alt="Share of killed units that are on again: in the first layer none, except where only biases are decayed, and there all, and some under Adam with everything decayed; in the second layer some under SGD and Adam, hardly any under SGD with everything decayed, and most where only biases are."
fig, axes = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
rows = np.arange(len(ways))
for layer, (label, hatch) in enumerate(
    (("first layer", ""), ("second layer", "//"))
):
    axes.barh(
        rows + 0.4 * layer,
        back[layer],
        height=0.36,
        color=f"C{layer}",
        hatch=hatch,
        label=label,
    )
axes.set(
    xlabel="share of killed units that are on again",
    yticks=rows + 0.2,
    yticklabels=list(ways),
)
axes.invert_yaxis()
axes.legend()
plt.show()

# %% [markdown]
# **What happened.** A dead unit's own gradient is exactly zero. An optimizer that only follows gradients does not
# move it, and these units were killed by hand, so that there is no momentum left over from before either: none came
# back under plain Adam. (Units that die *in* training under Adam, at too large a rate, can be carried on by it and
# come back.) What else can move it is what is around it. In the second layer the inputs change, because the layer
# before learns, and a unit that was off for the old inputs can be on for the new. The inputs of the first layer are
# the data, and they stay. Then there is decay. SGD shrinks weights and bias by the same factor, which keeps the sign
# of their sum; decay of the bias alone lifts the unit until it is on. Adam adds the decay to the gradient and makes
# of it a step about as long as its rate, however small the decay is: weights and bias shrink by the same amount, and
# some units turn on. With ten times the steps nearly all do. More of this: [Can a dead unit come
# back?](../questions/dead-units.md#back)
#
# ## Bring it back
#
# Back to the networks that a rate of `3` has killed. They get `300` more steps at a modest rate, in three ways: as they
# are; with LeakyReLU in the place of ReLU; and with their dead units begun afresh by `reluguide.revive`, which draws
# new incoming weights and sets the outgoing ones to zero, so that at first the network computes what it did before.
#
# **Predict.** Which of the three gets furthest? Are the dead units of the LeakyReLU networks on again in the end, now
# that all of them have a gradient?

# %%
kept = common | {"seeds": range(16), "record": ["parameters"]}
ruined = sweep(sizes, lr=3.0, steps=300, **kept)
layers = [([], []) for _ in ruined.parameters]
for k in range(len(ruined)):
    model = ruined.module(k)
    revive(model, diagnose(model, data.x), seed=k)
    linears = model[::2]  # every other module is an activation
    for (weights, biases), linear in zip(layers, linears):
        weights.append(linear.weight.detach().T)
        biases.append(linear.bias.detach())
afresh = [
    (torch.stack(weights), torch.stack(biases)) for weights, biases in layers
]

slower = kept | {"lr": 0.3, "steps": 300}
rescues = {
    "as they were": ruined,
    "smaller steps": sweep(sizes, initial=ruined.parameters, **slower),
    "and LeakyReLU": sweep(
        sizes, initial=ruined.parameters, activation="leaky_relu", **slower
    ),
    "and begun afresh": sweep(sizes, initial=afresh, **slower),
}
for name, run in rescues.items():
    off = np.concatenate(run.never_active, axis=1).mean()
    learned = run.accuracy.mean() > 0.9
    print(f"{name}: most units never on: {off > 0.5}, learned: {learned}")

# %% alt="Share of points right, each network a dot and the mean with its interval a line: smaller steps alone gain little, LeakyReLU somewhat more, units begun afresh by far the most."
fig, axes = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
beside = np.linspace(-0.2, 0.2, 16)  # or the dots of a row would hide each other
for row, run in enumerate(rescues.values()):
    mean, low, high = intervals(run.accuracy, "share")
    axes.plot(
        run.accuracy, row + beside, "o", markersize=3, color="C0", alpha=0.6
    )
    axes.errorbar(
        [mean],
        [row],
        xerr=[[mean - low], [high - mean]],
        fmt="|",
        markersize=18,
        capsize=4,
        color="C1",
    )
axes.set(
    xlabel="share of points right (chance is a half)",
    yticks=range(4),
    yticklabels=list(rescues),
)
axes.invert_yaxis()
plt.show()

# %% [markdown]
# **What happened.** Smaller steps alone come too late: they spare the living and do little for the dead. LeakyReLU
# gives the dead a gradient, a hundredth of the usual one, and after `300` steps most of them are still off. A fresh
# start puts them back to work. Best of all is not to kill them: compare with a rate of `1` from the beginning, in the
# picture by learning rate.
#
# ## Exercises
#
# Add a cell for each. Predict first here too.
#
# **1. Where is the cliff?** Find, between `1` and `3`, the rate from which on more than half of the units die. Is it
# the same for eight other seeds?
#
# <details><summary>Solution</summary>
#
# ```python
# fine = [1.4, 1.8, 2.2, 2.6, 3.0]
# for seeds in (range(8), range(8, 16)):
#     runs = grid(lr=fine, seeds=seeds)
#     shares = runs.shaped(dead_share(sweep(sizes, steps=300, **common, **runs))).mean(axis=1)
#     print([f"{rate:g}: {share:.0%}" for rate, share in zip(fine, shares)])
# ```
#
# The share rises steeply for both, but it need not pass a half at the same rate: with eight seeds one network more or
# less shifts it. Say "about", or use more seeds.
#
# </details>
#
# **2. Momentum.** At a rate of `1` hardly any unit dies. And at the same rate with `momentum=0.9`?
#
# <details><summary>Solution</summary>
#
# ```python
# runs = grid(momentum=[0.0, 0.9], seeds=range(8))
# shares = runs.shaped(dead_share(sweep(sizes, lr=1.0, steps=300, **common, **runs))).mean(axis=1)
# print([f"momentum {momentum:g}: {share:.0%}" for momentum, share in zip([0.0, 0.9], shares)])
# ```
#
# Many more die. Momentum adds up past gradients; where these point the same way, a momentum of `0.9` makes steps up to
# ten times as long. Whoever adds momentum has to lower the rate.
#
# </details>
#
# **3. Dead for good.** Units of the second layer came back because the first layer learned. Show that this is the
# reason: kill half of the second layer again and train with the first layer held still (`frozen=[0]`).
#
# <details><summary>Solution</summary>
#
# ```python
# kept = common | {"seeds": range(8), "record": ["parameters"]}
# for frozen in ([], [0]):
#     later = sweep(sizes, lr=0.3, steps=600, initial=killed, frozen=frozen, **kept)
#     print(f"layers held still: {frozen}, share back: {(~later.dead[1][:, :16]).mean():.0%}")
# ```
#
# `killed` is what the cell above left: networks whose second layer was pushed down. With the first layer held still not
# a single unit comes back, as neither its inputs nor its weights change.
#
# </details>
#
# **4. A seat belt.** Train at the deadly rate of `3` with gradients clipped to a norm of `0.3` (`clip=0.3`). How many
# die?
#
# <details><summary>Solution</summary>
#
# ```python
# runs = grid(clip=[None, 0.3], seeds=range(8))
# belted = sweep(sizes, lr=3.0, steps=300, **common, **runs)
# print("dead", runs.shaped(dead_share(belted)).mean(axis=1).round(2))
# print("right", runs.shaped(belted.accuracy).mean(axis=1).round(2))
# ```
#
# Far fewer, and the networks learn: what kills is the length of single steps, and clipping limits just that. What else
# helps, and what does not, stands in [a table](../questions/dead-units.md#what-helps).
#
# </details>
