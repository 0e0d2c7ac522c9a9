"""Every question that the guide set out to answer has its place, and every claim is judged in one place only."""

from collections import Counter

import pytest

from reluguide.evidence.guide import Guide
from reluguide.publish.pages import Page, question_pages, read

# What the guide set out to judge. A claim that others may have linked to is not taken out again.
CLAIMS = {f"C{number}" for number in range(1, 69)} | {"C45b"}
WITHDRAWN = {"C63"}  # it judged damage done by copying a text; its number is not given again

# What people ask, in our words, and where it is answered: page#anchor, or the page whose title asks it.
ANSWERED = {
    "Q1": ("Why is it safe to set activations of hidden layers to zero?", ["is-it-lossy"]),
    "Q2": ("Does a negative value never reach the next layer?", ["is-it-lossy#reach"]),
    "Q3": ("Is setting to zero not lossy?", ["is-it-lossy#pair"]),
    "Q4": ("Should limits on the range not come at the end only?", ["hidden-values#limits"]),
    "Q5": ("What does a negative activation mean?", ["hidden-values#negative"]),
    "Q6": ("A non-linearity is needed: why is ReLU then not lossy?", ["why-nonlinear#not-lossy"]),
    "Q7": ("Can a later layer make a zero positive again?", ["is-it-lossy#again"]),
    "Q8": ("Is a unit zero for all inputs, and can it be removed then?", ["dead-units#remove"]),
    "Q9": (
        "What is a dying ReLU, for ever, and will I meet it?",
        ["dead-units", "dead-units#how", "dead-units#back"],
    ),
    "Q10": ("Does LeakyReLU fix it, and why are results mixed?", ["dead-units#leaky"]),
    "Q11": (
        "How do I plot which units are dead, and what do rate and start change?",
        ["dead-units#plot", "dead-units#how"],
    ),
    "Q12": ("Do we not care about the values in the middle?", ["hidden-values#who-cares"]),
    "Q13": ("Is a network like an assembly line?", ["hidden-values#assembly-line"]),
    "Q14": ("Why does cutting off half give an approximator?", ["kinks-to-curves#why-cut"]),
    "Q15": (
        "Do negatives come back because linear layers alternate with ReLU?",
        ["kinks-to-curves#alternate"],
    ),
    "Q16": ("Is it wasteful that each unit discards half?", ["is-it-lossy#wasteful", "sparsity#wasteful"]),
    "Q17": ("Does this level of detail even matter?", ["why-zero#detail"]),
    "Q18": ("Does ReLU discard noise?", ["metaphors#noise"]),
    "Q19": ("Is the network a smart zip, lossy or lossless?", ["metaphors#zip"]),
    "Q20": ("Is ReLU cheap, and does it keep gradients from vanishing?", ["speed", "gradients"]),
    "Q21": ("Is ReLU an IF statement?", ["why-nonlinear#if"]),
    "Q22": ("Why is something without bounds easier to train?", ["gradients#unbounded"]),
    "Q23": ("Why are recurrent networks the exception?", ["gradients#recurrent"]),
    "Q24": ("Do we not care about negatives, as with dropout?", ["metaphors#dropout"]),
    "Q25": ("Are they like transistors, open and closed?", ["metaphors#transistor"]),
    "Q26": ("Which papers about activations should I read?", ["variants#reading"]),
    "Q27": ("Do we not want to keep symmetry?", ["symmetry", "symmetry#keep"]),
    "Q28": ("Why is it the same with CELU, ELU and SELU?", ["symmetry#elu-selu"]),
    "Q29": (
        "Why want normal values, and can a non-linear function return any?",
        ["symmetry#why-normal", "symmetry#counterexample"],
    ),
    "Q30": (
        "Is sparsity the aim, as in the brain; does it generalise better, is it faster?",
        ["sparsity#brain", "sparsity#generalise", "sparsity#faster"],
    ),
    "Q31": ("What is the gradient at exactly 0?", ["what-is-relu#slope-at-zero"]),
    "Q32": ("Why does the gradient not fade; what do 10 or 15 layers do?", ["gradients#fifteen-layers"]),
    "Q33": ("How do I count dead units in code?", ["dead-units#count"]),
    "Q34": ("Which variant when, and at what cost?", ["variants#which", "variants#cost", "speed#each"]),
    "Q35": ("What do I answer in an interview?", ["variants#interview"]),
    "Q36": ("Why zero, and not minus one or one?", ["why-zero"]),
    "Q37": ("Why the maximum, and what else was tried?", ["why-zero#why-max", "variants#history"]),
    "Q38": ("Why are almost all activations flat on the negative side?", ["why-zero#flat-side"]),
    "Q39": ("When did ReLU come?", ["variants#when"]),
    "Q40": ("How does a network without negatives predict negatives?", ["is-it-lossy#negative-output"]),
}
PLACES = [(key, place) for key, (_, places) in ANSWERED.items() for place in places]


def page(the_guide: Guide, slug: str) -> Page:
    path = the_guide.questions / f"{slug}.md"
    assert path.is_file(), f"no page {slug}: the question has lost its answer"
    return read(the_guide, path)


def test_no_question_stands_in_the_list_without_a_place() -> None:
    """The next test runs once for each place: a question with none would pass unasked."""
    assert [key for key, (_, places) in ANSWERED.items() if not places] == []
    assert [place for place, times in Counter(PLACES).items() if times > 1] == []


@pytest.mark.parametrize(("key", "place"), PLACES, ids=[f"{key}-{place}" for key, place in PLACES])
def test_a_question_is_answered_under_a_heading_that_asks_it(the_guide: Guide, key: str, place: str) -> None:
    slug, _, anchor = place.partition("#")
    answers = page(the_guide, slug)
    heading = (
        next((one.text for one in answers.headings if one.id == anchor), None) if anchor else answers.title
    )
    assert heading, f"{key} ({ANSWERED[key][0]}): {answers.name} has no heading {{ #{anchor} }}"
    assert "?" in heading, f"{key}: {heading!r} asks nothing"


def test_every_claim_is_judged_once(the_guide: Guide) -> None:
    judged = Counter(one.id for answers in question_pages(the_guide) for one in answers.claims)
    assert set(judged) >= CLAIMS - WITHDRAWN
    assert not WITHDRAWN & set(judged)  # further ones get the numbers that follow
    assert [id for id, times in judged.items() if times > 1] == []


def test_the_ledgers_short_answer_holds(the_guide: Guide) -> None:
    answer = page(the_guide, "claims").short_answer
    assert answer and answer[1].startswith(
        "Most of it is right, but more often than not under a condition that is left out; some of it is wrong."
    )
    verdicts = Counter(one.verdict for answers in question_pages(the_guide) for one in answers.claims)
    assert verdicts["right"] + verdicts["right if"] > verdicts.total() / 2
    assert verdicts["right if"] > verdicts["right"] and verdicts["wrong"] > 0


def test_anchors_are_given_once_a_page(the_guide: Guide) -> None:
    for path in sorted(the_guide.questions.glob("*.md")):
        anchors = [heading.id for heading in read(the_guide, path).headings if heading.id]
        assert sorted(set(anchors)) == sorted(anchors), path.name
