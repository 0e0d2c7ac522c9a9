"""Where people say it: titles of threads and texts, typed once. None has an address that we would have to invent."""

DOUBT_THREAD = "Doubtful ReLU use (thread in a framework's forum)"
RELU_THREAD = "Why do we use ReLUs? (forum thread on a deep-learning course)"
SAFE_THREAD = "Why is it safe to zero out activations? (forum thread on a deep-learning course)"
TUTORIAL = "A widely copied tutorial on activation functions"
WHY_THREAD = "Chapter 4: why do we do things the way we do? (forum thread on a deep-learning book)"
