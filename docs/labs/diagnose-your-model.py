# %% [markdown]
# # Diagnose your own model
#
# When you are through with this lab, you can
#
# - find the dead units of any PyTorch model, and say on which data and how surely they are dead;
# - read from the report why they died, and tell what helps from what does not;
# - give dead units a fresh start or take them out of the model, and check that nothing else changed.
#
# We begin with models in which we killed some units ourselves, so that you can see whether the diagnosis is right.
# Before each run, **write down what you expect.** In the last exercise the model is your own.

# %%
# %matplotlib inline
import copy

import torch
from torch import nn
from torch.nn import functional as F

import reluguide
from reluguide.data import digits

data = digits(standardise=False)  # 8 x 8 images; a pixel is its ink, from 0 to 1
x, y, test_x, test_y = data.x, data.y, data.test_x, data.test_y
print(f"{len(x)} images to train on, {len(test_x)} to test")


def train(model, *, lr, optimizer=torch.optim.SGD, steps=200):
    """Train on batches of 100 images, in the same order each time."""
    model.train()
    stepper = optimizer(model.parameters(), lr=lr)
    for step in range(steps):
        rows = torch.arange(step * 100, (step + 1) * 100) % len(x)
        stepper.zero_grad()
        F.cross_entropy(model(x[rows]), y[rows]).backward()
        stepper.step()


def accuracy(model):
    """Share of the test images that are told right."""
    with torch.no_grad():
        return float((model.eval()(test_x).argmax(1) == test_y).float().mean())


# %% [markdown]
# ## Fully connected layers
#
# In the first layer of this model we kill six units: four by a bias far below zero, two by weights that are all
# negative. (No pixel is negative, so that such weights times pixels never add up to something positive.) We do not
# train it.
#
# **Predict.** Does the report find these six and no others in that layer? Which cause does it name for which? And are
# there dead units in the second layer, which we leave alone?

# %%
torch.manual_seed(0)
planted = nn.Sequential(
    nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)
).double()
with torch.no_grad():
    planted[0].bias[:4] = -20.0
    planted[0].weight[10:12] *= -planted[0].weight[10:12].sign()
    planted[0].bias[10:12] = -0.1

planted_report = reluguide.diagnose(planted, x.double())
print(planted_report)

# %%
for finding in planted_report.explain():
    print(f"{finding.layer}, unit {finding.unit}: its {finding.cause}")

# %% [markdown]
# **What happened.** `1.relu` is the call of ReLU in the module named `1`. "Bias" means that the unit would be on for
# some image if its bias were 0, "weights" that it would not even then. `print(report.explain())` shows the numbers that
# say so, and what helps.
#
# And there are dead units that nobody killed. With the start that `nn.Linear` makes, and with these images, some units
# of the second layer are born dead. It need not stay so: when the layer before learns, [they can come
# back](../questions/dead-units.md#back).
#
# Look at the line with the bound. *Dead* always means dead on these samples, and the line says what share of further
# samples might still switch such a unit on. With twice as many samples it is half as large.
#
# ## Dead by accident
#
# Now nobody kills anything: the same network, begun anew and trained, once with small steps and once with steps that
# are much too large.
#
# **Predict.** Which layer suffers more from the large steps? And if you show the network with the small steps five
# images only, does it seem to have more dead units, fewer, or as many?


# %%
def mlp():
    """A fresh network, the same each time."""
    torch.manual_seed(1)
    layers = nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()
    return nn.Sequential(*layers, nn.Linear(32, 10))


reports, models = {}, {}
for lr in (0.1, 2.0):
    models[lr] = mlp()
    train(models[lr], lr=lr)
    reports[lr] = reluguide.diagnose(models[lr], x)
    one, two = (layer.dead_fraction for layer in reports[lr])
    print(f"rate {lr}: the second layer has more dead units: {two > one}")
    print(f"    nearly all of its units are dead: {two > 0.8}")
    print(f"    most test images right: {accuracy(models[lr]) > 0.5}")

few = reluguide.diagnose(models[0.1], x[:5])
more = few.dead_fraction > reports[0.1].dead_fraction
print(f"more units dead on 5 images than on all: {more}")
for name, report in (("5", few), ("all", reports[0.1])):
    bound = report["1.relu"].rate_bound
    print(f"dead on {name} images, on for up to {bound:.1%} of others")

# %% alt="One bar a layer, split by how often its units are on, after training with steps that are too large: most units of the first layer and nearly all of the second are dead."
reports[2.0].plot()

# %% [markdown]
# **What happened.** The second layer suffers more. With five images, much looks dead that is not, and the bound says
# so. To see when it happens, wrap the loop in `with reluguide.watch(model) as seen:`. To guard against it, put a check
# into a test; it fails with the names of the layers:

# %%
try:
    reports[2.0].check(max_dead=0.05)
except reluguide.DeadUnitsError as error:
    named = "3.relu" in str(error)
    print(f"{type(error).__name__}, and the second layer is named: {named}")

# %% [markdown]
# ## A convolutional network
#
# This one calls `F.relu` as a function and has a BatchNorm in front of it. We kill channel 3 of the first layer by the
# shift of the BatchNorm, and channel 5 of the second by its bias.
#
# **Predict.** A channel of the first layer has 8 × 8 positions. Does the report count it as one unit or as 64? What
# does it blame for channel 3: bias, weights, or something else?


# %%
class Conv(nn.Module):
    """Two convolutions, ReLU written as a function."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 16, 3, padding=1)
        self.out = nn.Linear(16, 10)

    def forward(self, images):
        h = F.relu(self.norm(self.first(images.view(-1, 1, 8, 8))))
        h = F.relu(self.second(F.max_pool2d(h, 2)))
        return self.out(h.amax(dim=(2, 3)))


torch.manual_seed(0)
model = Conv()
train(model, lr=0.1)
with torch.no_grad():
    model.norm.bias[3] = -50.0
    model.second.bias[5] = -50.0

report = reluguide.diagnose(model, x)
for finding in report.explain():
    if (finding.layer, finding.unit) in [("relu", 3), ("relu#2", 5)]:
        print(f"{finding.layer}, unit {finding.unit}: {finding.cause}")
        print(f"    look at: {finding.look_at}")
print("units counted:", [layer.units for layer in report])

# %% [markdown]
# **What happened.** A channel is one unit, as it has one set of weights; it is dead if it is off at every position of
# every image. The normalisation is blamed by name, and for a good reason: what its shift does, no bias in front of it
# can undo.
#
# ## A transformer
#
# Each image becomes a sequence of its eight rows. Again two versions: one with ReLU in its feed-forward layers, one
# with GELU. In both we set the biases of units 0, 1 and 2 of the first block to `-20`, without training.
#
# **Predict.** `nn.TransformerEncoder` is PyTorch's own code, and on its fast path it calls no ReLU that one could hook.
# Are the units found? Are those of GELU dead too, if its gradient is never quite zero in theory?


# %%
class Rows(nn.Module):
    """A transformer that reads an image row by row."""

    def __init__(self, activation):
        super().__init__()
        self.embed = nn.Linear(8, 16)
        block = nn.TransformerEncoderLayer(
            16, 2, 32, 0.0, activation, batch_first=True
        )
        self.blocks = nn.TransformerEncoder(block, 2)
        self.out = nn.Linear(16, 10)

    def forward(self, images):
        return self.out(
            self.blocks(self.embed(images.view(-1, 8, 8))).mean(dim=1)
        )


for activation in ("relu", "gelu"):
    torch.manual_seed(0)
    model = Rows(activation).double()
    with torch.no_grad():
        model.blocks.layers[0].linear1.bias[:3] = -20.0
    report = reluguide.diagnose(model, x.double(), also=["saturated"])
    call = report[f"blocks.layers.0.{activation}"]
    print(call.name)
    print("    dead:", call.dead_units)
    print("    units 0, 1, 2 saturated:", bool(call.saturated[:3].all()))

# %% [markdown]
# **What happened.** The units are found: while it diagnoses, `reluguide` keeps PyTorch off the fast path. With ReLU
# the three are dead, and so are a few that nobody killed. With GELU none is, as its gradient at `-20` is tiny but not
# zero in the double precision (`float64`) of this model; yet it is far too small to learn from. That is called
# *saturated*, and is looked for with `also=["saturated"]`. In single precision the gradient is exactly zero there
# ([where, for each activation](../questions/variants.md#numbers)), and all three would count as dead.
#
# ## Give them a fresh start
#
# Back to the network that large steps have killed. Two copies get the same further training with small steps; in one of
# them the dead units begin anew.
#
# **Predict.** What does `revive` do to the outputs of the network, before any further training? Which copy can read
# digits in the end?

# %%
as_it_was, revived = copy.deepcopy(models[2.0]), copy.deepcopy(models[2.0])
reluguide.revive(revived, reports[2.0], seed=0)
print("same outputs:", torch.allclose(revived(x), models[2.0](x), atol=1e-4))
print(
    "nearly all are on again:", reluguide.diagnose(revived, x).dead_fraction < 0.2
)
for name, model in (("as it was", as_it_was), ("revived", revived)):
    train(model, lr=0.1, steps=400)
    print(f"{name}: most test images right: {accuracy(model) > 0.5}")

# %% [markdown]
# **What happened.** The outputs stay what they were, as the outgoing weights of a revived unit begin at zero. But a
# gradient reaches it now, and training does the rest. (Without it there was next to nothing left that could have been
# trained.)
#
# ## Take them out
#
# Dead units cost time and memory. `prune_dead` gives a copy of the model without them. This is our first model once
# more, where we know what is dead.
#
# **Predict.** On which images does the smaller model give the same outputs: those that were diagnosed, or any? And on
# any image in which each pixel lies between 0 and 1, if you say so with `box=(0, 1)`?

# %%
noise = torch.rand(1000, 64, generator=torch.Generator().manual_seed(0)).double()
smaller = reluguide.prune_dead(planted, planted_report)
proved = reluguide.prune_dead(planted, planted_report, box=(0.0, 1.0))
for name, model in (
    ("dead on the images", smaller),
    ("proved dead in the box", proved),
):
    left = model[0].out_features + model[2].out_features
    print(f"{name}: {64 - left} of 64 units taken out")
    print(
        "    same outputs on the images:",
        torch.allclose(model(x.double()), planted(x.double())),
    )
    print(
        "    same outputs on noise:", torch.allclose(model(noise), planted(noise))
    )

# %% [markdown]
# **What happened.** What is dead on your data may be on for other data, as those units of the second layer that nobody
# killed. With a box only those go that cannot be on for any input in it; here these are just the ones that we killed.
# Then nothing changes, whatever image you send.
#
# ## Exercises
#
# **1. When did it happen?** Train the network with steps that are too large once more, and find the step at which the
# first unit died.
#
# <details><summary>Solution</summary>
#
# ```python
# model = mlp()
# with reluguide.watch(model, patience=12) as seen:  # 12 batches without a gradient: all images once
#     train(model, lr=2.0)
# for layer in seen:
#     step, units = layer.deaths[0]
#     print(f"{layer.name}: the first {len(units)} at step {step}")
# print(seen)
# ```
#
# A unit counts as dead after `patience` steps without a gradient, so subtract these: the first ones die in the very
# first step.
#
# </details>
#
# **2. Born dead.** Begin the first model (without killing anything) with `nn.init.kaiming_uniform_(...,
# nonlinearity="relu")` and biases of 0, which is meant for ReLU. Are fewer units of the second layer born dead?
#
# <details><summary>Solution</summary>
#
# ```python
# for kaiming in (False, True):
#     dead = []
#     for seed in range(20):
#         torch.manual_seed(seed)
#         layers = nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)
#         if kaiming:
#             for linear in layers[::2]:
#                 nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
#                 nn.init.zeros_(linear.bias)
#         dead.append(len(reluguide.diagnose(nn.Sequential(*layers), x)["3.relu"].dead_units))
#     print(f"Kaiming's start: {kaiming}, born dead of 32: {sum(dead) / len(dead):.1f} on average")
# ```
#
# Yes, though not none. What `nn.Linear` does by itself was not made for ReLU.
#
# </details>
#
# **3. LeakyReLU.** Put `nn.LeakyReLU()` in the place of ReLU and train at the rate of `2`. Is any unit dead? Can the
# network read digits?
#
# <details><summary>Solution</summary>
#
# ```python
# torch.manual_seed(1)
# leaky = nn.Sequential(
#     nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, 32), nn.LeakyReLU(), nn.Linear(32, 10)
# )
# train(leaky, lr=2.0)
# print(reluguide.diagnose(leaky, x).dead_fraction, accuracy(leaky))
# ```
#
# None is dead, as its gradient is never zero, and it reads no better for that: these steps are too large for it too.
# Here dead units were a sign of the trouble. With Adam they [can be its cause](../questions/dead-units.md#cause).
#
# </details>
#
# **4. Your own model.** What does `diagnose` say of a model that you use?
#
# <details><summary>Solution</summary>
#
# It takes whatever your training loop takes, for example a loader:
#
# ```python
# from torch.utils.data import DataLoader, TensorDataset
#
# loader = DataLoader(TensorDataset(test_x, test_y), batch_size=64)  # here stands yours
# print(reluguide.diagnose(models[0.1], loader))
# ```
#
# If units are dead, begin with the first layer that has any: what lies behind it gets inputs that hardly vary. Then ask
# `report.explain()`. If it says *bias* or *weights* in a model that was trained, look at the learning rate first
# ([why](../questions/dead-units.md#how)); if it says so in a model that was not, look at how its weights begin. And if
# nothing is dead, keep the check in your tests.
#
# </details>
