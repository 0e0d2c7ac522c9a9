"""The doctor inside other people's loops: callbacks for Lightning and Transformers, a fixture for pytest.

    reluguide.integrations.lightning     WatchCallback, with the extra `reluguide[lightning]`
    reluguide.integrations.transformers  WatchCallback, with the extra `reluguide[transformers]`
    reluguide.integrations.pytest        the fixture `check_dead_units`, there wherever pytest runs

None of these libraries is needed, or loaded, by anything else in reluguide.
"""
