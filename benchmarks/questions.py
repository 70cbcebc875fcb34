def measure(x):
    pass
