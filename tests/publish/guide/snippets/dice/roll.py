sides = range(1, 7)
print("mean of the sides:", sum(sides) / len(sides))
