import torch

draw = torch.Generator().manual_seed(0)
z = torch.randn(5000, 1000, generator=draw)  # 5000 samples, 1000 units
h = torch.relu(z)
behind = h @ torch.randn(1000, 100, generator=draw)  # the next layer's sums


def lopsided(values: torch.Tensor) -> float:
    """Skewness, 0 for a symmetric crowd: the mean size over all units."""
    centred = (values - values.mean(0)) / values.std(0)
    return float(centred.pow(3).mean(0).abs().mean())


for name, crowd in {"z": z, "relu(z)": h, "next layer": behind}.items():
    print(f"{name:10} lopsided: {lopsided(crowd):.1f}")
