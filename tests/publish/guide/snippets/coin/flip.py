sides = ("heads", "tails")
print("sides:", len(sides))
print(f"share: {1 / len(sides):.2f}")
