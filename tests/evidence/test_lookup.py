"""What pages ask for, found by coordinate; what is not there is answered with what is."""

import pytest

from reluguide.evidence.lookup import Evidence, UnknownNameError

FACTS = {
    f"unmoved[{name}, {bias}]": {"text": name + bias} for name in ("relu", "elu") for bias in ("-20", "0.5")
}
COIN = {
    "facts": {"heads": {"text": "47 %"}, **FACTS, "edge[relu]": {"text": "0"}},
    "families": {
        "heads": [], "unmoved": [["activation", ["relu", "elu"]], ["bias", ["-20", "0.5"]]],
        "edge": [["activation", ["relu", "gelu"]]],
    },
    "settings": {"throws": {"count": "50", "seeds": "16"}},
}  # fmt: skip
EVIDENCE = Evidence({"coin": COIN})


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("coin.heads", "coin.heads"),
        ("coin.unmoved[elu, -20]", "coin.unmoved[elu, -20]"),
        ("coin.unmoved[elu,−20]", "coin.unmoved[elu, -20]"),
        ("coin.unmoved[elu, 0.50]", "coin.unmoved[elu, 0.5]"),
        ("coin.unmoved[bias=-20, activation=elu]", "coin.unmoved[elu, -20]"),
        ("coin.unmoved[bias=-20, elu]", "coin.unmoved[elu, -20]"),
    ],
)
def test_a_fact_is_found_by_its_coordinates(asked: str, name: str) -> None:
    found, fact = EVIDENCE.fact(asked)
    assert found == name and fact is COIN["facts"][name.removeprefix("coin.")]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("coin.haeds", r"coin has no fact 'haeds'; did you mean heads\?"),
        ("coin.zzz", "coin has no fact 'zzz'; it has heads, unmoved, edge"),
        ("coin.throws", "throws is an experiment; its settings are count, seeds"),
        ("die.heads", r"findings/die\.py is not there; .*There are coin"),
        ("coin.unmoved", r"is a family and activation is not given: write coin\.unmoved\[activation, bias\]"),
        ("coin.unmoved[elu]", "bias is not given: .* where bias is -20, 0.5"),
        ("coin.unmoved[ely, -20]", r"has no activation 'ely'; did you mean elu\? It has relu, elu"),
        ("coin.unmoved[elu, -21]", "has no bias '-21'; .*It has -20, 0.5"),
        ("coin.unmoved[elu, -20, 3]", "'3' is one coordinate too many"),
        ("coin.unmoved[rate=3, elu]", "has no dimension 'rate'; it has activation, bias"),
        ("coin.edge[gelu]", r"coin\.edge\[gelu\] is missing"),
        ("coin", "neither a fact"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(asked: str, told: str) -> None:
    with pytest.raises(UnknownNameError, match=told):
        EVIDENCE.fact(asked)


def test_settings_are_quoted_by_experiment() -> None:
    assert EVIDENCE.setting("coin.throws.count") == "50"
    assert EVIDENCE.setting("coin.heads") is None
    with pytest.raises(UnknownNameError, match=r"coin\.throws has no setting 'cuont'; did you mean count\?"):
        EVIDENCE.setting("coin.throws.cuont")
    with pytest.raises(UnknownNameError, match=r"coin has no experiment 'throw'; did you mean throws\?"):
        EVIDENCE.setting("coin.throw.count")
