# %% [markdown]
# # Pick an activation
#
# When you are through with this lab, you can
#
# - compare activations on data of your choice so that the result is not luck: several seeds, each activation at its own
#   best learning rate, differences with intervals;
# - say what an activation costs, alone and in a training step, from recorded times;
# - decide, and say what your decision rests on.
#
# Before each run, **write down what you expect.**

# %%
import matplotlib.pyplot as plt
import numpy as np

from reluguide import ACTIVATIONS, recorded
from reluguide.data import digits, moons, spirals
from reluguide.device import choose
from reluguide.evidence.guide import here
from reluguide.evidence.intervals import intervals
from reluguide.sweep import grid, sweep

# By name: data for a seed, and the widths of the network. Each seed gets samples of its own, so that luck
# with the data counts as well.
TASKS = {
    "spirals": (
        lambda seed: spirals(128, test_samples=500, noise=0.2, seed=seed),
        [2, 32, 32, 1],
    ),
    "moons": (
        lambda seed: moons(128, test_samples=500, noise=0.2, seed=seed),
        [2, 32, 32, 1],
    ),
    "digits": (lambda seed: digits(train=600, seed=seed), [64, 32, 32, 10]),
}
data, sizes = TASKS["spirals"]  # your choice

names = ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid"]
labels = [ACTIVATIONS[name].label for name in names]


def test_accuracy(names, *, rates, seeds):
    """Share of test samples told right: (activations, rates, seeds)."""
    runs = grid(activation=names, lr=rates, seeds=seeds)
    how = {
        "optimizer": "adam",
        "steps": 150,
        "batch_size": 64,
        "device": choose().type,
    }
    return runs.shaped(sweep(sizes, data=data, **how, **runs).test_accuracy)


def against_relu(accuracy):
    """Mean difference to ReLU, the first row, and its 95 % interval."""
    return np.array(intervals(accuracy - accuracy[0], "real", axis=1)).T


# %% [markdown]
# ## The usual way
#
# Somebody sets the learning rate of Adam to `0.003`, a value that one often sees, trains with every activation, and
# reports which is best. We do the same, but with sixteen seeds, and look at the difference to ReLU *from the same
# seed*: the same first weights, the same data. If the 95 % interval of the mean difference leaves out zero, we call one
# ahead of the other.
#
# **Predict.** Which of these six is ahead of ReLU: LeakyReLU, ELU, GELU, SiLU, tanh, sigmoid? By how many of a hundred
# test samples?

# %%
usual = against_relu(test_accuracy(names, rates=[0.003], seeds=range(16))[:, 0])
for label, (_, low, high) in zip(labels[1:], usual[1:]):
    verdict = (
        "ahead" if low > 0 else "behind" if high < 0 else "no difference shown"
    )
    print(f"{label:10} {verdict}")

# %% [markdown]
# **What happened.** GELU and SiLU win, by many points, and with all the statistics one could ask for. It looks ready to
# be published. But what was compared?
#
# ## Each at its best
#
# An activation changes how large the steps should be. So each gets the rate that suits it best, out of four. The rate
# is chosen on other seeds than those that we compare on; or else who tries most would win by luck.
#
# **Predict.** How much of the lead of GELU remains? Who falls back?

# %%
rates = [0.003, 0.01, 0.03, 0.1]
tried = test_accuracy(names, rates=rates, seeds=range(16, 24)).mean(axis=2)
accuracy = np.concatenate(
    [
        test_accuracy([name], rates=[rates[best]], seeds=range(16))[0]
        for name, best in zip(names, tried.argmax(axis=1))
    ]
)
tuned = against_relu(accuracy)
for label, (_, low, high) in zip(labels[1:], tuned[1:]):
    close = low > -0.05 and high < 0.05
    print(f"{label:10} surely within five points of ReLU: {close}")
print(
    "more than a point ahead:",
    [label for label, row in zip(labels, tuned) if row[1] > 0.01] or "none",
)

# %% alt="Left, test accuracy by learning rate: at the smallest rate GELU is far above ReLU, and tanh is between them; at larger ones the three are close, and sigmoid is lowest throughout. Right, the differences to ReLU with their intervals, at the usual rate and each at its best rate: the lead of GELU and SiLU is gone at the best rates, and sigmoid is far behind."
fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="constrained")
for name, marker in zip(("relu", "gelu", "tanh", "sigmoid"), "os^D"):
    i = names.index(name)
    left.plot(rates, tried[i], marker=marker, label=labels[i])
left.set(xscale="log", xlabel="learning rate", title="test accuracy")
left.set_xticks(rates, labels=[f"{rate:g}" for rate in rates])
left.minorticks_off()
left.set_ylim(0.6, 1.05)
left.legend(loc="upper left", ncols=2)
rows = np.arange(len(names))
for shift, (label, found, marker) in zip(
    (-0.15, 0.15), (("usual rate", usual, "o"), ("best rate", tuned, "s"))
):
    mean, low, high = 100 * found[1:].T
    place = rows[1:] + shift
    right.errorbar(
        mean,
        place,
        xerr=[mean - low, high - mean],
        fmt=marker,
        capsize=3,
        label=label,
    )
right.axvline(0, color="C0", linewidth=1)
right.set(title="points ahead of ReLU", yticks=rows[1:], yticklabels=labels[1:])
right.invert_yaxis()
right.legend(loc="center left")
plt.show()

# %% [markdown]
# **What happened.** The lead was a lead at that one rate. With a rate of its own ReLU does as well as GELU and SiLU.
# Only sigmoid is far behind, on this task and in this number of steps. Whoever compares activations at one rate
# compares how well that rate suits them. More of this: [Which should I use?](../questions/variants.md#better)
#
# ## What does it cost?
#
# Times differ from run to run, so we do not measure them here. They were recorded, with the date and the device, and
# stand in the package; all of them as multiples of ReLU's time.
#
# **Predict.** How many times as long as ReLU does tanh take on numbers that lie in the processor's cache? And a whole
# training step of a network 256 units wide, with tanh in the place of ReLU?

# %%
recordings = recorded.load(here().recorded)
for one in recordings:
    print(f"{one.device}, {one.date}, torch {one.versions['torch']}")
    print(f"{'':12}{'cache':>10}{'memory':>10}{'step':>10}")
    ratios = one.ratios("forward_16k", "forward_16m", "step_256")
    for name, label in zip(names, labels):
        times = "".join(
            f"{ratio:10.2f}" for ratio in ratios.sel(case=name).values
        )
        print(label.ljust(12) + times)

# %% alt="Each activation by the cost of a training step and by how far it is ahead of ReLU at its best rate: all steps cost nearly the same, and only sigmoid lies far below the rest."
one = recorded.quoted(recordings)
fig, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
for i, name in enumerate(names):
    mean, low, high = 100 * tuned[i]
    axes.errorbar(
        [one.ratio("step_256", name)],
        [mean],
        yerr=[[mean - low], [high - mean]],
        fmt="os^Dvph"[i],
        capsize=3,
        label=labels[i],
    )
axes.set(
    xlabel=f"time of a training step over ReLU's, {one.device}",
    ylabel="points ahead of ReLU",
    xlim=(0.8, 1.6),
)
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# **What happened.** Alone, an activation can cost many times what ReLU costs. In a training step you hardly notice,
# because the time goes into multiplying by weights. [Is ReLU really cheaper?](../questions/speed.md) has the details.
#
# ## Decide
#
# What remains is a rule that you can defend: **take ReLU, unless another activation is ahead by more than you care
# about, at its own best rate, on your data, with an interval that says so.** Then cost decides, if at all. In this lab
# nothing was ahead by more than a point. On large models it can be different, and people who train them copy what
# worked there ([which one when](../questions/variants.md#which)).
#
# ## Exercises
#
# **1. Other data.** Predict first: does GELU win at the usual rate on moons? On digits? Then change `data, sizes = ...`
# in the first cell.
#
# <details><summary>Solution</summary>
#
# ```python
# for task in ("moons", "digits"):
#     data, sizes = TASKS[task]
#     found = against_relu(test_accuracy(names, rates=[0.003], seeds=range(16))[:, 0])
#     for label, row in zip(labels[1:], found[1:]):
#         mean, low, high = 100 * row
#         print(f"{task}: {label:10} {mean:+.1f} points ({low:+.1f} to {high:+.1f})")
# data, sizes = TASKS["spirals"]
# ```
#
# It is a few points on moons, and less than one on digits: even the size of a lead that comes from the rate is a matter
# of the task. Tune the rates here as well before you believe in it.
#
# </details>
#
# **2. Luck.** How far apart are two networks of which *nothing* differs but the seed? Compare twenty pairs, both with
# ReLU at a rate of `0.03`.
#
# <details><summary>Solution</summary>
#
# ```python
# right = test_accuracy(["relu"], rates=[0.03], seeds=range(40))[0, 0]
# apart = 100 * abs(right[::2] - right[1::2])
# print(f"points apart: {apart.mean():.1f} on average, {apart.max():.1f} at most")
# ```
#
# A difference of that size between two single runs says nothing about activations.
#
# </details>
#
# **3. At the edge.** What is the best rate for sigmoid? Look where it lies among the four that we tried.
#
# <details><summary>Solution</summary>
#
# ```python
# larger = [0.1, 0.2, 0.4, 0.8]
# right = test_accuracy(["sigmoid"], rates=larger, seeds=range(16))[0].mean(axis=1)
# print([f"{rate:g}: {share:.2f}" for rate, share in zip(larger, right)])
# ```
#
# Its best rate was the largest that we tried, so that we had not found it: a better one lies beyond. Even there sigmoid
# stays far behind, but to say so one has to have looked. A best rate at the edge means: try further.
#
# </details>
#
# **4. Deeper.** Use eight hidden layers in the place of two. Who suffers?
#
# <details><summary>Solution</summary>
#
# ```python
# sizes = [2, *[32] * 8, 1]
# for i, right in enumerate(test_accuracy(names, rates=rates, seeds=range(8)).mean(axis=2)):
#     print(f"{labels[i]:10} at its best rate: {right.max():.2f}")
# sizes = TASKS["spirals"][1]
# ```
#
# Sigmoid, by far. Between the others there are points of difference; put intervals on them before you call one the
# winner.
#
# </details>
#
# **5. Your own data.** Put your own numbers in.
#
# <details><summary>Solution</summary>
#
# ```python
# from reluguide.data import Data
#
# own = spirals(400, noise=0.3)  # here stand your numbers: x (samples, features), y classes from 0
# x, y = own.x, own.y
# data = Data("mine", x[:300], y[:300], 2, x[300:], y[300:])
# sizes = [x.shape[1], 32, 32, 1]  # one output for two classes, else one a class
# print(test_accuracy(names, rates=rates, seeds=range(8)).mean(axis=2).round(2))
# ```
#
# Scale each feature to a mean of 0 and a standard deviation of 1 first, as one does for any network. All seeds share
# the data here, so that the intervals speak of the first weights and the order of samples only.
#
# </details>
